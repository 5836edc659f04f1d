"""Which elements divide text, which stand in it, and which are not translated."""

from regard.markup.pieces import Piece, names

BLOCKS = names(
    """
    address article aside audio blockquote body br button canvas caption center col colgroup dd
    details dialog dir div dl dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6
    head header hgroup hr html legend li link main menu meta nav noscript object ol optgroup option
    p param picture search section select source style summary table tbody td template tfoot th
    thead title tr track ul video
    """
)
"""HTML elements at whose tags a segment ends."""
UNTRANSLATED = {
    "html": names(
        """
        address applet audio canvas code embed iframe kbd math noembed noframes plaintext pre samp
        script style svg textarea time var video xmp
        """
    ),
    "xml": names("ph x it bpt ept"),
    "inline": names("ph x"),
}
"""Elements that are copied with their content, by format."""
CODES = names("bpt ept bx ex it sc ec sm em cp")
"""Elements of XLIFF that begin or end something, or stand alone: in inline text they are copied
with their content, and are no part of the sentence."""
PAIRED_CODES = {"bpt": "ept", "bx": "ex", "sc": "ec"}
"""The element that ends what another begins."""


def local_name(tag: Piece) -> str:
    """The name of a tag, without the prefix of its namespace."""
    return tag.name.rpartition(":")[2]


def code_key(tag: Piece) -> str:
    """What a code that begins something and the one that ends it have in common."""
    attributes = dict(tag.attributes)
    return attributes.get("startRef") or attributes.get("rid") or attributes.get("id", "")


def divides(tag: Piece) -> bool:
    """Whether an element of inline text divides it."""
    return local_name(tag) == "br" or ("mtype", "seg") in tag.attributes


def is_untranslated(tag: Piece, form: str) -> bool:
    """Whether an element is copied with its content: by its name, or because its author says so."""
    attributes = dict(tag.attributes)
    return (
        local_name(tag) in UNTRANSLATED[form]
        or tag.name == "notranslate"
        or attributes.get("translate", "").lower() == "no"
        or attributes.get("mtype") == "protected"
        or "notranslate" in attributes.get("class", "").split()
    )
