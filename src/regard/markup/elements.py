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
}
"""Elements that are copied with their content, by format."""


def is_untranslated(tag: Piece, form: str) -> bool:
    """Whether an element is copied with its content: by its name, or because its author says so."""
    attributes = dict(tag.attributes)
    return (
        tag.name in UNTRANSLATED[form]
        or tag.name == "notranslate"
        or attributes.get("translate", "").lower() == "no"
        or "notranslate" in attributes.get("class", "").split()
    )
