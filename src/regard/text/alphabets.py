"""The characters that a vocabulary always has, whatever the text that it is learned from."""

from collections.abc import Iterable

from regard.text.languages import without_region

PRINTABLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))
TYPOGRAPHIC_SIGNS = "«»–—°€£"
"""Signs that normalization leaves, and that most languages use."""

LETTERS_BEYOND_PRINTABLE_ASCII = {
    "ca": "àçèéíïòóúü·",
    "cs": "áčďéěíňóřšťúůýž",
    "cy": "âêîôûŵŷ",
    "da": "æøåé",
    "de": "äöüß",
    "es": "áéíñóúü¿¡ºª",
    "et": "äõöüšž",
    "eu": "ñü",
    "fi": "åäöšž",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "ga": "áéíóú",
    "gl": "áéíñóúü",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "is": "áðéíóúýþæö",
    "it": "àèéìíîòóù",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "nb": "æøåé",
    "nl": "éèëïóöü",
    "nn": "æøåé",
    "no": "æøåé",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõúü",
    "ro": "ăâîșț",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sq": "çë",
    "sv": "åäöé",
    "tr": "çğıöşü",
}
"""The small letters and signs of languages in Latin script, as their alphabets and spelling have
them; none for other languages."""


def required_characters(languages: Iterable[str]) -> str:
    """Printable ASCII without the space, typographic signs, and the languages' letters, small
    and capital."""
    letters = "".join(
        LETTERS_BEYOND_PRINTABLE_ASCII.get(without_region(code), "") for code in languages
    )
    capitals = "".join(capital for letter in letters if len(capital := letter.upper()) == 1)
    turkish = "İ" if "ı" in letters else ""
    return "".join(sorted({*PRINTABLE_ASCII, *TYPOGRAPHIC_SIGNS, *letters, *capitals, *turkish}))
