"""Translate text with markup: take the tags out, translate, and put them where they belong."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from regard.alignment.links import Alignment, Link, completed
from regard.markup.pieces import PARSERS
from regard.markup.placement import (
    LinkedTexts,
    TagSpans,
    linked_texts,
    marks_in_order,
    may_be_too_short,
    spans_by_links,
    spans_by_proportion,
)
from regard.markup.segments import ESCAPED, ROOT, Document, Mark, Segment, read_document, tree
from regard.text.segments import overlapping
from regard.text.spans import Span, words
from regard.translation import Translation
from regard.word_alignment import AligningModel, align_translations

Placement = Literal["exact", "approximate", "moved"]
"""exact: by the alignment head; approximate: by attention weights, or because the model was trained
without placeholders; moved: by the proportion of words, since something was lost on the way."""
WORST_FIRST: tuple[Placement, ...] = ("moved", "approximate", "exact")


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
    def n_best_by_sentence(self, texts: Sequence[str]) -> list[list[Translation]]: ...
    def align(self, translations: Sequence[Translation]) -> list[Alignment]: ...
    def without_alignment_head(self) -> AligningModel: ...


def translate_markup(
    model: MarkupModel, texts: Sequence[str], form: str
) -> list[MarkupTranslation]:
    """The translations of texts in a format, a key of `PARSERS`.

    Raises RegardError if XML is not well-formed; then nothing is translated.
    """
    documents = [read_document(text, form) for text in texts]
    segments = [segment for document in documents for segment in document.segments]
    translations = model.translate([segment.plain for segment in segments])
    return write_documents(model, form, documents, translations)


def text_without_tags(markup: str) -> str:
    """What is translated of HTML, or of any text with tags."""
    return "\n".join(segment.plain for segment in read_document(markup, "html").segments)


class DocumentPart(NamedTuple):
    """Of a document: a text to translate, or to copy."""

    text: str
    is_translated: bool


def divide(text: str, form: str) -> list[DocumentPart]:
    """The parts of a document, each segment by itself: their translations, one after the other, are
    that of the document. A document of which a segment means something else by itself is one part.

    Raises RegardError if XML is not well-formed.
    """
    parts = list[DocumentPart]()
    for part in read_document(text, form).parts:
        if isinstance(part, str):
            parts.append(DocumentPart(part, False))
            continue
        if read_document(part.raw, form).parts != [part]:
            return [DocumentPart(text, True)]
        parts.append(DocumentPart(part.raw, True))
    return parts


def markup_alternatives(
    model: MarkupModel, text: str, form: str, count: int
) -> list[MarkupTranslation]:
    """At most `count` other translations of a text: the best ones of each segment together, then
    the second ones of those that have them, and so on. Raises as `translate_markup`."""
    document = read_document(text, form)
    ranked = model.n_best_by_sentence([segment.plain for segment in document.segments])
    different = max((len(own) for own in ranked), default=0)
    written = [
        write_documents(model, form, [document], [own[min(rank, len(own) - 1)] for own in ranked])
        for rank in range(min(count, different))
    ]
    return [one for [one] in written]


def write_documents(
    model: MarkupModel,
    form: str,
    documents: Sequence[Document],
    translations: Sequence[Translation],
) -> list[MarkupTranslation]:
    """Put documents together again, from the translations of all their segments in order."""
    segments = [segment for document in documents for segment in document.segments]
    plans = plan_tags(model, segments, translations)
    written = map(writer(model, form), segments, translations, plans)
    results = []
    done = iter(translations)
    for document in documents:
        parts = [next(written) if isinstance(part, Segment) else part for part in document.parts]
        placements = {part.placement for part in parts if isinstance(part, WrittenSegment)}
        results.append(
            MarkupTranslation(
                document.text,
                "".join(part.text if isinstance(part, WrittenSegment) else part for part in parts),
                next((each for each in WORST_FIRST if each in placements), "exact"),
                tuple(next(done) for _ in document.segments),
            )
        )
    return results


class TagPlan(NamedTuple):
    """Where the tags of a segment belong in its translation."""

    texts: LinkedTexts
    spans: TagSpans


def plan_tags(
    model: MarkupModel, segments: Sequence[Segment], translations: Sequence[Translation]
) -> list[TagPlan | None]:
    """Of each segment; None if its translation lacks an atom.

    The aligner that a head learns from links few auxiliaries and particles ("ate" to "a mangé"). If
    a word without a link stands at a tag, the model's attention tells where it is from.
    """
    links = [alignment.links for alignment in model.align(translations)]
    plans = [*map(tag_plan, segments, translations, links)]
    doubtful = [
        number
        for number, (segment, translation, own) in enumerate(
            zip(segments, translations, plans, strict=True)
        )
        if own and translation.alignment.method == "head" and may_be_too_short(segment.marks, *own)
    ]
    attended = align_translations(
        model.without_alignment_head(), [translations[number] for number in doubtful]
    )
    for number, alignment in zip(doubtful, attended, strict=True):
        complete = completed(links[number], alignment.links)
        plans[number] = tag_plan(segments[number], translations[number], complete)
    return plans


def tag_plan(segment: Segment, translation: Translation, links: Sequence[Link]) -> TagPlan | None:
    if any(translation.text.count(name) != 1 for name in segment.atoms):
        return None
    texts = texts_of(segment, translation, links)
    return TagPlan(texts, spans_by_links(segment.marks, texts))


class WrittenSegment(NamedTuple):
    """A segment that is translated."""

    text: str
    placement: Placement


def writer(
    model: MarkupModel, form: str
) -> Callable[[Segment, Translation, TagPlan | None], WrittenSegment]:
    def write(segment: Segment, translation: Translation, plan: TagPlan | None) -> WrittenSegment:
        if plan:
            text = compose(segment, *plan)
            if has_same_structure(segment, text, form):
                is_exact = translation.alignment.method == "head" or not segment.marks
                is_sure = is_exact and (model.has_trained_placeholders or not segment.atoms)
                return WrittenSegment(text, "exact" if is_sure else "approximate")
        return WrittenSegment(compose_by_proportion(segment, translation.text), "moved")

    return write


def texts_of(segment: Segment, translation: Translation, links: Iterable[Link]) -> LinkedTexts:
    """The texts with their words, atoms among them, and how probably they are linked."""
    target, atoms = translation.text, list(segment.atoms)
    source_words = [word.span for word in translation.source_words]
    target_words = [word.span for word in translation.words]
    sources = words_around(segment.plain, source_words, atoms)
    targets = words_around(target, target_words, atoms)
    rows, columns = (
        {span: index for index, span in enumerate(spans)} for spans in (sources, targets)
    )
    known = [
        (rows[source_words[source]], columns[target_words[word]], probability)
        for source, word, probability in links
    ]
    copies = copied_words(segment.plain, target, sources, targets, known)
    return linked_texts(segment.plain, target, sources, targets, [*known, *copies])


def words_around(text: str, known: Sequence[Span], atoms: Sequence[str]) -> list[Span]:
    """The words that a translation tells of, the names that stand for atoms, and the words of what
    was copied between sentences, in order."""
    spans = sorted(known)
    ends, starts = [0, *(span.end for span in spans)], [*(span.start for span in spans), len(text)]
    others = "".join(text[end:start] for end, start in zip(ends, starts, strict=True))
    if not atoms and not others.strip():
        return spans
    named = (Span(text.index(name), text.index(name) + len(name)) for name in atoms)
    for more in (sorted(named), words(text)):
        spans = sorted([*spans, *(span for span in more if not overlapping(spans, span))])
    return spans


def copied_words(
    source: str,
    target: str,
    source_words: Sequence[Span],
    target_words: Sequence[Span],
    links: Iterable[tuple[int, int, float]],
) -> Iterator[tuple[int, int, float]]:
    """Links of what was copied between sentences to itself: of words that are equal, in their
    order, and have no other link."""
    rows, columns = set[int](), set[int]()
    for row, column, _ in links:
        rows.add(row)
        columns.add(column)
    left: dict[str, list[int]] = {}
    for column in reversed(range(len(target_words))):
        if column not in columns:
            left.setdefault(target[slice(*target_words[column])], []).append(column)
    for row, span in enumerate(source_words):
        if row not in rows and (same := left.get(source[slice(*span)])):
            yield row, same.pop(), 1.0


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
    texts = linked_texts(segment.plain, target, own, words(target), ())
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


def has_same_structure(segment: Segment, text: str, form: str) -> bool:
    """Whether a written segment has the tags, comments and atoms of its source, each in the same
    elements."""
    return structure(text, form) == structure(segment.raw, form)


def structure(text: str, form: str) -> Counter[int]:
    """How often each tag or comment occurs in each nesting of elements; both as one number."""
    nodes, counts = tree(PARSERS[form](text)), Counter[int]()
    paths: dict[int, int] = {ROOT: 0}
    for index, node in enumerate(nodes):
        if node.piece.kind != "text" and node.partner >= index:
            closing = nodes[node.partner].piece.raw
            paths[index] = hash((paths[node.parent], node.piece.raw, closing))
            counts[paths[index]] += 1
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

    def apart(mark: Mark, is_first: bool) -> str:
        return f"{mark.opening} " if is_first else f" {mark.opening}"

    parts = [segment.before]
    around, end = [(ROOT, len(texts.target))], 0
    for index in marks_in_order(segment.marks, spans):
        mark, own = segment.marks[index], spans[index]
        while around[-1][0] != mark.parent:
            closed, close = around.pop()
            parts += [escaped(Span(end, close)), segment.marks[closed].closing]
            end = close
        parts.append(escaped(Span(end, own.start)))
        is_first = own.start == (spans[mark.parent].start if mark.parent != ROOT else 0)
        parts.append(apart(mark, is_first) if mark.is_apart else mark.opening)
        end = own.start
        if not mark.is_single:
            around.append((index, own.end))
    for closed, close in reversed(around):
        parts.append(escaped(Span(end, close)))
        end = close
        if closed != ROOT:
            parts.append(segment.marks[closed].closing)
    return "".join([*parts, segment.after])
