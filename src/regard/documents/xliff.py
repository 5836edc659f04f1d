"""XLIFF 1.2 and 2.0: units without a translation get a target; all else stays as it is written."""

from collections.abc import Sequence
from typing import NamedTuple

from regard.documents.file_document import (
    TRANSLATABLE,
    DocumentSegment,
    FileDocument,
    SegmentForm,
    decode_utf8,
    is_unchanged,
    parse_document,
    with_attribute,
)
from regard.errors import RegardError
from regard.markup.elements import local_name
from regard.markup.pieces import Piece
from regard.markup.segments import ROOT, Node, tree
from regard.text.languages import Languages, canonical, is_language, without_region

CDATA = "<![CDATA["
CDATA_END = "]]>"
KEPT_SPACE_TAGS = '<source xml:space="preserve">', "</source>"
"""Around a segment whose white space is kept."""


class XliffVersion(NamedTuple):
    """How two versions differ."""

    unit: str
    """The element that has a source and a target."""
    languages: tuple[str, str]
    """The attributes with the languages."""
    language_element: str
    untranslated_states: tuple[str, ...]
    """The states in which a target that is equal to its source is none."""


VERSIONS = {
    "1": XliffVersion(
        "trans-unit", ("source-language", "target-language"), "file", ("new", "needs-translation")
    ),
    "2": XliffVersion("segment", ("srcLang", "trgLang"), "xliff", ("initial",)),
}
"""By the first digit of the version."""
TARGET_STATES = {"state": "needs-review-translation", "state-qualifier": "mt-suggestion"}
"""Of a target in version 1.2; in version 2.0 a segment has a state."""


class XliffUnit(NamedTuple):
    """A unit that is to be translated; numbers are indices of pieces."""

    unit: int
    source: int
    after: int
    """The end of the source, behind which a target is inserted."""
    target: int
    """ROOT for none."""
    text: str
    form: SegmentForm
    keeps_space: bool


def read_xliff(name: str, content: bytes, languages: Languages) -> FileDocument:
    """Raises RegardError if a file is no XLIFF, or is translated between other languages."""
    content_text = decode_utf8(content, name)
    text = content_text.removeprefix("\ufeff")
    mark = content_text[: len(content_text) - len(text)]
    pieces = parse_document(name, text)
    version = version_of(name, pieces)
    nodes = tree(pieces)
    refuse_other_languages(name, pieces, version, languages)
    units = read_units(nodes, version)

    def write(translations: Sequence[str]) -> bytes:
        if all(map(is_unchanged, map(segment_text, units), translations)):
            return content
        raws = [piece.raw for piece in pieces]
        for index, piece in enumerate(pieces):
            if local_name(piece) == version.language_element and piece.kind == "open":
                raws[index] = with_target_language(piece, version, languages)
        for unit, translation in zip(units, translations, strict=True):
            put_target(raws, nodes, unit, unwrapped(unit, translation), version)
        return (mark + "".join(raws)).encode()

    segments = [DocumentSegment(segment_text(unit), unit.form) for unit in units]
    return FileDocument(segments, write)


def version_of(name: str, pieces: Sequence[Piece]) -> XliffVersion:
    """Raises RegardError for another root element or another version."""
    root = next((piece for piece in pieces if piece.kind in ("open", "empty")), Piece("text", ""))
    if local_name(root) != "xliff":
        raise RegardError(
            f"the first element is '{root.name}', not 'xliff'"
            if root.name
            else "no element is in it",
            name,
            "give an XLIFF file, or add --format xml",
        )
    number = dict(root.attributes).get("version", "")
    if number[:1] not in VERSIONS or number in ("1.0", "1.1"):
        raise RegardError(
            f"this is version '{number}' of XLIFF",
            name,
            "convert it to version 1.2 or 2.0, which are read",
        )
    return VERSIONS[number[:1]]


def refuse_other_languages(
    name: str, pieces: Sequence[Piece], version: XliffVersion, languages: Languages
) -> None:
    """Raises RegardError if the file says that it is in other languages than the model's."""
    for piece in pieces:
        if local_name(piece) == version.language_element and piece.kind == "open":
            for key, own in zip(version.languages, languages, strict=True):
                code = dict(piece.attributes).get(key, "")
                if not own or not is_language(code):
                    continue
                if without_region(canonical(code)) != without_region(own):
                    raise RegardError(
                        f"the file says {key}='{code}', and the model is for '{own}'",
                        f"{name}, element {piece.name}",
                        "choose another model, or correct the attribute",
                    )


def with_target_language(piece: Piece, version: XliffVersion, languages: Languages) -> str:
    key = version.languages[1]
    if dict(piece.attributes).get(key) or not languages[1]:
        return piece.raw
    return with_attribute(piece.raw, key, languages[1])


def read_units(nodes: Sequence[Node], version: XliffVersion) -> list[XliffUnit]:
    """The units that have a source with letters and no target with text."""
    inherited: dict[int, dict[str, str]] = {ROOT: {}}
    parts: dict[int, dict[str, int]] = {}
    for index, (piece, parent, _) in enumerate(nodes):
        if piece.kind not in ("open", "empty"):
            continue
        own = {key: value for key, value in piece.attributes if key in ("translate", "xml:space")}
        inherited[index] = inherited[parent] | own if own else inherited[parent]
        if parent != ROOT and local_name(nodes[parent].piece) == version.unit:
            parts.setdefault(parent, {})[local_name(piece)] = index
    units = []
    for unit, own_parts in parts.items():
        if inherited[unit].get("translate") != "no" and "source" in own_parts:
            read = read_xliff_unit(nodes, unit, own_parts, version)
            keeps_space = inherited[own_parts["source"]].get("xml:space") == "preserve"
            units += [read._replace(keeps_space=keeps_space)] if read else []
    return units


def read_xliff_unit(
    nodes: Sequence[Node], unit: int, parts: dict[str, int], version: XliffVersion
) -> XliffUnit | None:
    """The unit; None if there is nothing to translate."""
    source = parts.get("seg-source", parts["source"])
    target = parts.get("target", ROOT)
    pieces = [node.piece for node in nodes[source + 1 : nodes[source].partner]]
    text = raw_content(nodes, source)
    form: SegmentForm = "inline"
    shown = "".join(piece.raw for piece in pieces if piece.kind == "text")
    if len(pieces) == 1 and text.startswith(CDATA):
        text, form = text.removeprefix(CDATA).removesuffix(CDATA_END), "html"
        shown = text
    if not TRANSLATABLE.search(shown):
        return None
    if target != ROOT:
        before = raw_content(nodes, target)
        holder = target if version.unit == "trans-unit" else unit
        state = dict(nodes[holder].piece.attributes).get("state", "")
        is_copy = before in (text, raw_content(nodes, parts["source"]))
        if before.strip() and not (is_copy and state in version.untranslated_states):
            return None
    after = max(nodes[parts[key]].partner for key in ("source", "seg-source") if key in parts)
    return XliffUnit(unit, parts["source"], after, target, text, form, False)


def raw_content(nodes: Sequence[Node], element: int) -> str:
    """What is in an element, as it is written."""
    return "".join(node.piece.raw for node in nodes[element + 1 : nodes[element].partner])


def segment_text(unit: XliffUnit) -> str:
    if unit.keeps_space and unit.form == "inline":
        return unit.text.join(KEPT_SPACE_TAGS)
    return unit.text


def unwrapped(unit: XliffUnit, translation: str) -> str:
    """What stands in the target."""
    if unit.form == "html":
        return CDATA + translation.replace("]]>", "]]&gt;") + CDATA_END
    if unit.keeps_space:
        first, last = KEPT_SPACE_TAGS
        return translation.removeprefix(first).removesuffix(last)
    return translation


def put_target(
    raws: list[str], nodes: Sequence[Node], unit: XliffUnit, text: str, version: XliffVersion
) -> None:
    """Insert the target of a unit, or fill it."""
    prefix = nodes[unit.source].piece.name.removesuffix("source")
    if unit.target == ROOT:
        opening = f"<{prefix}target>"
        before = nodes[unit.source - 1].piece
        indentation = before.raw if before.kind == "text" and not before.raw.strip() else ""
    else:
        opening = raws[unit.target]
        if nodes[unit.target].partner == unit.target:
            opening = opening.rstrip("/> \t\r\n") + ">"
        raws[unit.target : nodes[unit.target].partner + 1] = [""] * (
            nodes[unit.target].partner + 1 - unit.target
        )
    if version.unit == "trans-unit":
        for key, value in TARGET_STATES.items():
            opening = with_attribute(opening, key, value)
    elif dict(nodes[unit.unit].piece.attributes).get("state", "initial") == "initial":
        raws[unit.unit] = with_attribute(raws[unit.unit], "state", "translated")
    element = f"{opening}{text}</{prefix}target>"
    if unit.target == ROOT:
        raws[unit.after] += indentation + element
    else:
        raws[unit.target] = element
