"""What the front process asks of a worker process, and what the worker answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from regard.markup.document import MarkupTranslation, markup_alternatives, translate_markup
from regard.text.spans import Span
from regard.translation import Translation, first_of_each_text
from regard.translation_json import alignment_as_json, translation_as_json
from regard.translator import Translator

Form = Literal["text", "html", "xml", "inline"]
"""text, or a format of `markup.PARSERS`."""
LONG_CHARACTERS = 1000
"""A line or a page of so many is one job; a longer one is divided, if it can be."""


class JobKind(NamedTuple):
    """Jobs of one kind may be worked on together."""

    model: str
    """Its path."""
    form: Form
    alternatives: int
    """Other translations that are wanted, at most."""
    with_details: bool
    """Whether words, links and warnings are wanted."""


class Job(NamedTuple):
    kind: JobKind
    text: str
    """One line, or one document with markup."""


class Answer(NamedTuple):
    text: str
    alternatives: list[str]
    """Best first, different from each other and from `text`."""
    details: list[dict[str, Any]]
    """Of the line, or of each segment of a document; none if they are not wanted."""
    tokens: int = 0
    """Of the source, that were read for this answer."""


class Divided(NamedTuple):
    """What is answered to a line that is too long for one job."""

    parts: list[Span]
    """Each is to be a job; what is between them is to be copied."""


def work(translators: Mapping[str, Translator], jobs: Sequence[Job]) -> list[Answer | Divided]:
    """The answers to jobs of one kind."""
    kind = jobs[0].kind
    translator, texts = translators[kind.model], [job.text for job in jobs]
    if kind.form != "text":
        return [*answer_markup(translator, kind, texts)]
    divided = [divide_line(translator, text) for text in texts]
    undivided = [text for text, parts in zip(texts, divided, strict=True) if not parts]
    answers = iter(answer_text(translator, kind, undivided))
    return [Divided(parts) if parts else next(answers) for parts in divided]


def divide_line(translator: Translator, text: str) -> list[Span]:
    """The parts of a long line; none of one that is short, or cannot be divided."""
    if len(text) <= LONG_CHARACTERS:
        return []
    parts = translator.pipeline.divide(text, LONG_CHARACTERS)
    return parts if len(parts) > 1 else []


def answer_text(translator: Translator, kind: JobKind, texts: Sequence[str]) -> list[Answer]:
    translations = translator.translate(texts)
    others: list[list[Translation]] = [[] for _ in texts]
    if kind.alternatives:
        ranked = wider(translator, kind).n_best_by_sentence(texts)
        others = [
            different(own, best.text, kind.alternatives)
            for own, best in zip(ranked, translations, strict=True)
        ]
    if kind.with_details:
        translator.align(translations)
    return [
        Answer(
            best.text,
            [one.text for one in more],
            [as_details(best, more)] if kind.with_details else [],
            tokens_of_source([best]),
        )
        for best, more in zip(translations, others, strict=True)
    ]


def answer_markup(translator: Translator, kind: JobKind, texts: Sequence[str]) -> list[Answer]:
    answers = []
    for text, best in zip(texts, translate_markup(translator, texts, kind.form), strict=True):
        ranked: list[MarkupTranslation] = []
        if kind.alternatives:
            count = kind.alternatives + 1
            ranked = markup_alternatives(wider(translator, kind), text, kind.form, count)
        more = dict.fromkeys(one.text for one in ranked if one.text != best.text)
        others = [*zip(*(one.segments for one in ranked), strict=True)]
        details = [
            as_details(segment, different(own, segment.text, kind.alternatives))
            for segment, own in zip(best.segments, others or [()] * len(best.segments), strict=True)
            if kind.with_details
        ]
        answers.append(
            Answer(
                best.text,
                [*more][: kind.alternatives],
                details,
                tokens_of_source(best.segments),
            )
        )
    return answers


def wider(translator: Translator, kind: JobKind) -> Translator:
    """With a beam that may find so many alternatives."""
    return translator.with_beam(max(translator.options.beam, kind.alternatives + 1))


def different(ranked: Sequence[Translation], text: str, count: int) -> list[Translation]:
    """The first `count` translations whose texts differ from this one and from each other."""
    return [one for one in first_of_each_text(ranked) if one.text != text][:count]


def tokens_of_source(translations: Sequence[Translation]) -> int:
    return sum(len(part.source_ids) for one in translations for part in one.sentences)


def as_details(translation: Translation, others: Sequence[Translation]) -> dict[str, Any]:
    return {
        "source": translation.source,
        **translation_as_json(translation),
        **alignment_as_json(translation),
        "words": [
            {"text": word.text, "span": word.span, "probability": round(probability, 4)}
            for word, probability in zip(
                translation.words, translation.word_probabilities, strict=True
            )
        ],
        "alternatives": [{"text": one.text, "log_prob": round(one.log_prob, 4)} for one in others],
    }
