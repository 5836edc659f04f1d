"""Regular expressions of what is no language: addresses, codes, amounts, placeholders, markup.

None of them goes back over a text: repetitions are possessive, bounded, or end at a character that
begins them. Where several match at one character, the first of them is taken.
"""

import re
from functools import cache

URL_LETTER = "[A-Za-z0-9\u00c0-\u024f\u0370-\u058f_/#@%&=+~$|*-]"
BRACKETED = r"\([^\s()<>]{0,200}\)|\[[^\s\[\]<>]{0,200}\]|\{[^\s{}<>]{0,200}\}"
URL_REST = rf"(?:(?:[.,;:!?'*]*+(?:{URL_LETTER}|{BRACKETED}))++/?)"
"""Punctuation and brackets belong to an address if more of it follows, and pairs of brackets."""
DOMAINS = (
    "com org net edu gov mil int info biz name io dev app ai co uk de fr es eu ch nl pl ru cn jp kr"
    " br ca au nz ie se fi dk cz gr hu ro ua tr il ir mx ar cl za pt lu lt lv ee hr sk si bg rs xyz"
    " online site shop blog cloud tech tv fm gg ly example test invalid local localhost"
)
"""Top-level domains that are no words after a full stop without a space; `it` and `in` are."""
FILE_ENDINGS = (
    "yaml yml json jsonl xml html htm xhtml css scss js mjs ts tsx jsx vue py pyc ipynb rb rs java"
    " kt cpp cc hpp c h cs php pl sh bash zsh bat cmd ps1 exe dll deb rpm msi dmg apk jar war whl"
    " txt md rst tex bib csv tsv xls xlsx ods doc docx odt rtf ppt pptx odp pdf ps epub mobi jpg"
    " jpeg png gif bmp tif tiff svg webp ico mp3 mp4 wav flac ogg avi mov mkv webm zip tar gz tgz"
    " bz2 xz 7z rar iso bin log ini cfg conf toml env lock db sql sqlite srt vtt po mo pot xliff"
    " tmx properties plist swift lua jl scala asm wasm onnx safetensors regard parquet bak tmp key"
    " pem crt"
)
CURRENCY_SIGN = "(?:(?:US|CA|AU|NZ|HK|[CARS])?\\$|[€£¥₹₽₩₺₴₪฿₫₦₱₡₲₵₸₼₾¢])"
CURRENCY = (
    rf"(?:{CURRENCY_SIGN}|(?:USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|RUB|UAH|PLN|CZK|SEK|NOK"
    r"|DKK|HUF|RON|BGN|TRY|BRL|MXN|ZAR|KRW|ILS|SGD|HKD|THB|Fr|kr|zł|Kč)(?!\w))"
)
NUMBER = r"(?:\d{1,3}(?:[ ,.']\d{3}){1,6}+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?)"
ORDINAL = r"\d+(?:st|nd|rd|th|s|am|pm|er|re|es?|nde?|ers)(?!\w)"
"""1st, 1980s, 5pm, and French 1er: words that a language writes with digits."""
DIGITS, CAPITALS = r"\d++(?![A-Za-z])", "[A-Z]++(?![a-z0-9])"
MIXED = "(?=[0-9]*[A-Za-z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]++"
MORE_PARTS = rf"(?:[-/](?:{MIXED}|{DIGITS}|{CAPITALS}))*+"
MIXED_CODE = (
    rf"(?:(?:(?:{DIGITS}|{CAPITALS})[-/])*+{MIXED}|(?:{DIGITS}[-/])++{CAPITALS}"
    rf"|(?:{CAPITALS}[-/])++{DIGITS}){MORE_PARTS}"
)
"""Has a letter and a digit, as in 12b, A380, a3f9-77b0 or ISO-8859-1; "4-year-old" is none."""
EMOJI_BASE = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3|[\u00a9\u00ae\u203c-\u2b55\u3030-\u3299]\ufe0f"
    "|[\u231a\u231b\u23e9-\u23f3\u23f8-\u23fa\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001faff]\ufe0f?)"
)
EMOJI_SEQUENCE = (
    f"{EMOJI_BASE}[\U0001f3fb-\U0001f3ff\ufe0f\U000e0020-\U000e007f]*+"
    f"(?:\u200d{EMOJI_BASE}[\U0001f3fb-\U0001f3ff\ufe0f]*+)*+"
)
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff"
    "\uff00-\uffef\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Characters of scripts that are written without spaces between words."""


def any_of(listed: str) -> str:
    return "|".join(sorted(listed.split(), key=len, reverse=True))


AT_WORD = {
    "URL": rf"(?:[A-Za-z][A-Za-z0-9+.-]{{1,20}}://|www\.|mailto:|tel:){URL_REST}",
    "e-mail": r"[\w.+%-]{1,64}@[\w-]++(?:\.[\w-]++)*+",
    "domain": rf"(?:[A-Za-z0-9][\w-]{{0,62}}\.){{1,5}}(?:(?:{any_of(DOMAINS)})(?![\w-])"
    rf"(?::\d+)?(?:[/?#]{URL_REST}?)?|(?<=\w\w\.)[a-z]{{2,10}}/{URL_REST})",
    "network": r"(?:\d{1,3}(?:\.\d{1,3}){3}|localhost)(?::\d+|/\d+)(?:/[\w/.-]*\w/?)?(?!\w)"
    "|(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}(?!\\w)",
    "Windows path": r"[A-Za-z]:\\(?:[.]*+[^\s<>\"|?*.,;!'()]++)*+",
    "file": rf"(?:[\w-]{{1,60}}/){{0,20}}(?:(?:[\w-]{{1,60}}\.){{1,6}}(?:{any_of(FILE_ENDINGS)})"
    r"(?<!\W\w\.\w)(?<!^\w\.\w)|\w{2,20}file(?<=[A-Z]\w{3}file))(?!\w|\.\w{1,3}(?!\w))",
    "date": r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w-])"
    r"|\d{1,2}([/.-])\d{1,2}\1\d{2,4}(?!\w)|\d{4}([/.])\d{1,2}\2\d{1,2}(?!\w)",
    "time": r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?!\w)",
    "telephone": r"0\d{1,4}(?:[ ./-]\d{2,4}){2,5}(?!\w)|0\d{2,4}[ /-]\d{4,8}(?!\w)"
    r"|\d{1,3}[-.]\d{3}[-.]\d{3}[-.]\d{4}(?!\w)",
    "amount": rf"{NUMBER}(?:[kKM]|bn|m(?=[€£$]))?\s?{CURRENCY}(?!\d|\w+\$|[{{(]\w)"
    rf"|{CURRENCY}\s?[-+]?{NUMBER}(?:(?:[kKmM]|bn|mn)(?!\w))?(?!\d|/\d)",
    "version": r"[vV]\d+(?:\.\d+)*+(?:[-+.]?[A-Za-z]+\.?\d*)?(?!\w)"
    r"|(?!\d{1,3}(?:\.\d{3})+(?![.\d]))\d+(?:\.\d+){2,20}(?:[-+.]?[A-Za-z]+\.?\d*)?(?!\w)"
    r"|\d+\.\d+(?:-[A-Za-z]+\.?\d*|(?:a|b|rc|dev)\d+)(?!\w)",
    "digits": r"(?=[\d-]{8})\d+(?:-\d+)++(?![\w-])|\d{9,}(?!\w)",
    "UUID": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\w)",
    "function": r"[A-Za-z_]\w{0,60}(?:(?:\.|::|->)[A-Za-z_]\w{0,60}){0,6}\(\)",
    "member": r"[A-Za-z_]\w{0,60}(?:::\w{1,60})++",
    "assignment": r"[A-Za-z_][\w.-]{0,60}(?:[=<>!~]?=)"
    r"(?:\"[^\s\"]{0,60}\"|'[^\s']{0,60}'|[\w./:-]*\w)",
    "identifier": r"(?:[A-Za-z0-9]{1,60}_+)+[A-Za-z0-9]{1,60}_*(?!\w)|_+[A-Za-z0-9]\w*"
    r"|[a-z]{1,60}[A-Z][A-Za-z0-9]{0,60}(?!\w)|C\+\+|[CF]#",
    "code": rf"(?!{ORDINAL}){MIXED_CODE}(?:\.\d+)*+(?!\w)"
    rf"|\d+[.,]\d+(?!{ORDINAL})[A-Za-z]{{1,4}}(?!\w)",
}
"""Begin at the first letter of a word."""

ANYWHERE = {
    "URL": r"(?<!:)//(?:[\w-]{1,60}\.){1,6}[a-z]{2,}" + f"{URL_REST}?",
    "code": r"(?::(?:\w{1,20}:){1,3})?`{1,3}[^`]++`{1,3}",
    "comment": r"<!--(?:(?!<!--|-->).)*+-->|<!\[CDATA\[|\]\]>|<\?\w[^<>]*+\?>|<!\w[^<>]*+>",
    "tag": r"</?[A-Za-z][\w:.-]*+(?:\s[^<>]*+)?/?>"
    r"|&lt;/?[A-Za-z][\w:.-]*+(?:\s(?:(?!&[lg]t;)[^<>]){0,200}+)?/?&gt;",
    "entity": r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});",
    "template": r"\{\{[^{}]{0,200}\}\}|\{\{\{[^{}]{0,200}\}\}\}|\{%[^{}%]{0,200}%\}"
    r"|<%[^%<>]{0,200}%>",
    "ICU": r"\{\s?\w{1,60}\s?,\s?(?:plural|select|selectordinal)\s?,(?:\s?offset:\d+)?"
    r"\s?(?:=\d+|\w{1,30})\s?\{|\}\s?(?:=\d+|\w{1,30})\s?\{|\}\s?\}"
    r"|\{\s?\w{1,60}\s?,\s?(?:number|date|time|spellout|ordinal|duration)(?:\s?,[^{}]{0,100})?\}",
    "braces": r"[$#%@]?\{\s?[^{}\s]{0,100}\s?\}",
    "percent": r"%\([\w.]{1,60}\)[-+0#]*\d*(?:\.\d+)?[a-zA-Z]|%[A-Za-z_]\w{0,60}%"
    r"|(?<!\d)%(?:\d{1,2}\$)?[-+0#]*(?:\d{1,4}|\*)?(?:\.(?:\d{1,3}|\*))?(?:hh?|ll?|[Lqjzt])?"
    r"[a-zA-Z@](?![A-Za-z]{2}|[A-Za-z]{1}\d)|%%|(?<!\d)%L?\d{1,2}(?!\w)",
    "telephone": r"(?<!\w)\+\d{1,3}(?=(?:[ ./()-]{0,2}\d){6})"
    r"(?:[ ./-]?(?:\d{1,4}|\(\d{1,4}\))){2,6}(?!\w)"
    r"|\(\d{2,5}\) ?\d{3,4}[ -]\d{3,4}(?!\w)",
    "amount": rf"[-+]?{CURRENCY_SIGN}\s?[-+]?{NUMBER}(?:(?:[kKmM]|bn|mn)(?!\w))?(?!\d|/\d)",
    "dollar": r"\$[A-Za-z_]\w{0,60}\$?|\$\d{1,2}(?!\w)|\$\([\w.]{1,60}\)",
    "path": r"(?<![\w/.<:])(?:~|\.{1,2})?/(?:\.*+[\w@%+~=-]++/?)++|(?<!\S)~/?(?!\S)"
    r"|\\\\\w[\w.$-]*(?:\\[\w.$-]*\w)+|(?<![\w.])\.[a-z][\w-]*\w(?:\.\w+)*(?!\w)",
    "escape": r"\\(?:[nrt]|[\"'\\]|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})",
    "handle": r"(?<![\w@.])@[\w-]*\w(?:\.[a-z0-9_]\w*)*(?:/[\w.-]*\w)?",
    "hash": r"(?<![\w#&])#\w+(?:-\w+)*|(?<![\w#])#(?![\w#])",
    "colon": r"(?<![\w:/.)\]])(?::[A-Za-z_]\w*:?)(?![\w:])",
    "option": r"(?<![\w-])--[A-Za-z][\w-]*\w(?:=[^\s,;]*\w)?|(?<=\s)-[A-Za-z](?![\w'-])",
    "identifier": r"(?<!\w)(?:__\w+|(?:ASP)?\.NET(?!\w))",
    "emoji": f"(?:{EMOJI_SEQUENCE})++",
}

LONG_WORD = rf"(?<![^\s{UNSPACED}])(?:(?![{UNSPACED}])\S){{61,}}+"
"""No word of a language with spaces is as long, in characters."""

VERBATIM_SIGN = re.compile(
    "[0-9@/\\\\{}%$<>&:#_~`=|\u00a9\u00ae\u20a0-\u20cf\u203c-\u2b55\u3030-\u3299\U0001f000-\U0001faff]"
)
DOT_IN_WORD = re.compile(r"\.\w")
CAPITAL_IN_WORD = re.compile("[a-z][A-Z]")
LONG_RUN = re.compile(r"\S{61}")


def may_be_verbatim(text: str) -> bool:
    """Whether `verbatim_pattern` may match in a text; words and plain punctuation never do.

    These few searches take 2 µs, the pattern takes 50 µs for a line.
    """
    return (
        VERBATIM_SIGN.search(text) is not None
        or DOT_IN_WORD.search(text) is not None
        or CAPITAL_IN_WORD.search(text) is not None
        or any(sign in text for sign in ("--", " -", "()", "++"))
        or (len(text) > 60 and LONG_RUN.search(text) is not None)
    )


@cache
def verbatim_pattern() -> re.Pattern[str]:
    """Matches what is no language. Compiled at the first use."""
    before_long = ("URL", "e-mail", "domain")
    first = "|".join(AT_WORD[name] for name in before_long)
    rest = "|".join(part for name, part in AT_WORD.items() if name not in before_long)
    anywhere = "|".join(ANYWHERE.values())
    return re.compile(rf"(?<!\w)(?:{first})|{LONG_WORD}|(?<![\w.])(?:{rest})|{anywhere}")
