"""Translate text with markup: take the tags out, translate, and put them where they belong."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.alignment.links import Alignment
from regard.markup.pieces import PARSERS
from regard.markup.placement import LinkedTexts, TagSpans, spans_by_links, spans_by_proportion
from regard.markup.segments import ROOT, Mark, Segment, read_document, tree
from regard.text.spans import Span, overlap, words
from regard.translation import Translation

Placement = Literal["exact", "approximate", "moved"]
"""exact: by the alignment head; approximate: by attention weights, or because the model was trained
without placeholders; moved: by the proportion of words, since something was lost on the way."""
WORST_FIRST: tuple[Placement, ...] = ("moved", "approximate", "exact")
NO_LINKS = np.zeros((0, 0), np.float32)
ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class MarkupTranslation(NamedTuple):
    """A text with markup and its translation."""

    source: str
    text: str
    """With the tags, comments and untranslated elements of the source, as they are written."""
    placement: Placement
    segments: tuple[Translation, ...]
    """Of the texts between the tags, without them."""


@runtime_checkable
class MarkupModel(Protocol):
    """What the translation of markup asks of a translator."""

    @property
    def has_trained_placeholders(self) -> bool: ...
    def translate(self, texts: Sequence[str]) -> list[Translation]: ...
    def align(self, translations: Sequence[Translation]) -> list[Alignment]: ...


def translate_markup(
    model: MarkupModel, texts: Sequence[str], form: str
) -> list[MarkupTranslation]:
    """The translations of texts in a format, a key of `PARSERS`.

    Raises RegardError if XML is not well-formed; then nothing is translated.
    """
    documents = [read_document(text, form) for text in texts]
    segments = [segment for document in documents for segment in document.segments]
    translations = model.translate([segment.plain for segment in segments])
    model.align(translations)
    written = map(writer(model, form), segments, translations)
    results = []
    done = iter(translations)
    for text, document in zip(texts, documents, strict=True):
        parts = [next(written) if isinstance(part, Segment) else part for part in document.parts]
        placements = {part.placement for part in parts if isinstance(part, WrittenSegment)}
        results.append(
            MarkupTranslation(
                text,
                "".join(part.text if isinstance(part, WrittenSegment) else part for part in parts),
                next((each for each in WORST_FIRST if each in placements), "exact"),
                tuple(next(done) for _ in document.segments),
            )
        )
    return results


class WrittenSegment(NamedTuple):
    """A segment that is translated."""

    text: str
    placement: Placement


def writer(model: MarkupModel, form: str) -> Callable[[Segment, Translation], WrittenSegment]:
    def write(segment: Segment, translation: Translation) -> WrittenSegment:
        if all(translation.text.count(name) == 1 for name in segment.atoms):
            texts = linked_texts(segment, translation)
            text = compose(segment, texts, spans_by_links(segment.marks, texts))
            if has_same_structure(segment, text, form):
                is_exact = translation.alignment.method == "head" or not segment.marks
                is_sure = is_exact and (model.has_trained_placeholders or not segment.atoms)
                return WrittenSegment(text, "exact" if is_sure else "approximate")
        return WrittenSegment(compose_by_proportion(segment, translation.text), "moved")

    return write


def linked_texts(segment: Segment, translation: Translation) -> LinkedTexts:
    """The texts with their words, atoms among them, and how probably they are linked."""
    target, atoms = translation.text, list(segment.atoms)
    source_words = [word.span for word in translation.source_words]
    target_words = [word.span for word in translation.words]
    sources = words_around(segment.plain, source_words, atoms)
    targets = words_around(target, target_words, atoms)
    links = np.zeros((len(sources), len(targets)), np.float32)
    for source, column, probability in translation.alignment.links:
        row, col = sources.index(source_words[source]), targets.index(target_words[column])
        links[row, col] = max(links[row, col], probability)
    texts = LinkedTexts(segment.plain, target, sources, targets, links)
    link_copies(texts)
    return texts


def words_around(text: str, known: Sequence[Span], atoms: Sequence[str]) -> list[Span]:
    """The words that a translation tells of, the names that stand for atoms, and the words of what
    was copied between sentences, in order."""
    spans = list(known)
    named = [Span(text.index(name), text.index(name) + len(name)) for name in atoms]
    for more in (named, words(text)):
        spans += [span for span in more if not any(overlap(span, other) for other in spans)]
    return sorted(spans)


def compose_by_proportion(segment: Segment, target: str) -> str:
    """The translation with tags and atoms in the order of the source, as far from the beginning as
    there, in words. What is left of the atoms is taken out first."""
    for name in segment.atoms:
        target = target.replace(name, "")
    marks = list(segment.marks)
    for name, raw in segment.atoms.items():
        start = segment.plain.index(name)
        around = innermost(start, segment.marks)
        marks.append(Mark(raw, "", Span(start, start), around, True, is_apart=True))
    all_words = words_around(segment.plain, (), list(segment.atoms))
    own = [span for span in all_words if segment.plain[slice(*span)] not in segment.atoms]
    texts = LinkedTexts(segment.plain, target, own, words(target), NO_LINKS)
    spans = spans_by_proportion(marks, texts)
    return compose(segment._replace(marks=tuple(marks), atoms={}), texts, spans)


def innermost(position: int, marks: Sequence[Mark]) -> int:
    """The element around a character."""
    around = [
        index
        for index, mark in enumerate(marks)
        if mark.span.start <= position < mark.span.end and not mark.is_single
    ]
    return max(around, key=lambda index: (marks[index].span.start, index), default=ROOT)


def link_copies(texts: LinkedTexts) -> None:
    """Link what was copied between sentences to itself: words that are equal, in their order, and
    that have no link."""
    left: dict[str, list[int]] = {}
    for column, span in enumerate(texts.target_words):
        if not texts.links[:, column].any():
            left.setdefault(texts.target[slice(*span)], []).append(column)
    for row, span in enumerate(texts.source_words):
        columns = left.get(texts.source[slice(*span)])
        if columns and not texts.links[row].any():
            texts.links[row, columns.pop(0)] = 1.0


def has_same_structure(segment: Segment, text: str, form: str) -> bool:
    """Whether a written segment has the tags, comments and atoms of its source, each in the same
    elements."""
    source = LinkedTexts(segment.plain, segment.plain, (), (), NO_LINKS)
    as_it_was = compose(segment, source, [mark.span for mark in segment.marks])
    return structure(text, form) == structure(as_it_was, form)


def structure(text: str, form: str) -> Counter[tuple[str, ...]]:
    """How often each tag or comment occurs in each nesting of elements."""
    nodes, counts = tree(PARSERS[form](text)), Counter[tuple[str, ...]]()
    for index, node in enumerate(nodes):
        if node.piece.kind != "text" and node.partner >= index:
            chain, around = [nodes[node.partner].piece.raw, node.piece.raw], node.parent
            while around != ROOT:
                chain.append(nodes[around].piece.raw)
                around = nodes[around].parent
            counts[tuple(chain)] += 1
    return counts


def compose(segment: Segment, texts: LinkedTexts, spans: TagSpans) -> str:
    """The translation with its tags, as text in the format."""
    atoms = re.compile("|".join(map(re.escape, segment.atoms)) or r"(?!)")

    def escaped(span: Span) -> str:
        parts, end = [], span.start
        for match in atoms.finditer(texts.target, *span):
            parts += [plain(texts.target[end : match.start()]), segment.atoms[match[0]]]
            end = match.end()
        return "".join([*parts, plain(texts.target[end : span.end])])

    def plain(text: str) -> str:
        forms = ESCAPED | segment.entities
        return "".join(forms.get(character, character) for character in text)

    def inside(parent: int, span: Span) -> Iterator[str]:
        children = [index for index, mark in enumerate(segment.marks) if mark.parent == parent]
        end = span.start
        for index in sorted(children, key=lambda index: (*spans[index], index)):
            mark, own = segment.marks[index], spans[index]
            yield escaped(Span(end, own.start))
            yield mark.opening if not mark.is_apart else apart(mark, own.start == span.start)
            yield from inside(index, own)
            yield mark.closing
            end = own.end
        yield escaped(Span(end, span.end))

    def apart(mark: Mark, is_first: bool) -> str:
        return f"{mark.opening} " if is_first else f" {mark.opening}"

    content = "".join(inside(ROOT, Span(0, len(texts.target))))
    return segment.before + content + segment.after
