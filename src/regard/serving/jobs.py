"""What the front process asks of a worker process, and what the worker answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from regard.markup.document import markup_alternatives, translate_markup
from regard.translation import Translation
from regard.translation_json import alignment_as_json, translation_as_json
from regard.translator import Translator

Form = Literal["text", "html", "xml", "inline"]
"""text, or a format of `markup.PARSERS`."""


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
    tokens: int
    """Of the source."""
    details: list[dict[str, Any]]
    """Of the line, or of each segment of a document; none if they are not wanted."""


def work(translators: Mapping[str, Translator], jobs: Sequence[Job]) -> list[Answer]:
    """The answers to jobs of one kind."""
    kind = jobs[0].kind
    answer_all = answer_text if kind.form == "text" else answer_markup
    return answer_all(translators[kind.model], kind, [job.text for job in jobs])


def answer_text(translator: Translator, kind: JobKind, texts: Sequence[str]) -> list[Answer]:
    translations = translator.translate(texts)
    others: list[list[Translation]] = [[] for _ in texts]
    if kind.alternatives:
        others = [
            different(own, best.text, kind.alternatives)
            for own, best in zip(wider(translator, kind).n_best(texts), translations, strict=True)
        ]
    if kind.with_details:
        translator.align(translations)
    return [
        Answer(
            best.text,
            [one.text for one in more],
            tokens_of_source([best]),
            [as_details(best, more)] if kind.with_details else [],
        )
        for best, more in zip(translations, others, strict=True)
    ]


def answer_markup(translator: Translator, kind: JobKind, texts: Sequence[str]) -> list[Answer]:
    answers = []
    for text, best in zip(texts, translate_markup(translator, texts, kind.form), strict=True):
        more: list[str] = []
        if kind.alternatives:
            ranked = markup_alternatives(
                wider(translator, kind), text, kind.form, kind.alternatives + 1
            )
            more = list(dict.fromkeys(one.text for one in ranked if one.text != best.text))
        details = [as_details(one, ()) for one in best.segments] if kind.with_details else []
        answers.append(
            Answer(best.text, more[: kind.alternatives], tokens_of_source(best.segments), details)
        )
    return answers


def wider(translator: Translator, kind: JobKind) -> Translator:
    """With a beam that may find so many alternatives."""
    beam = max(translator.options.beam, kind.alternatives + 1)
    return translator.with_options(translator.options.model_copy(update={"beam": beam}))


def different(ranked: Sequence[Translation], text: str, count: int) -> list[Translation]:
    """The first `count` translations with other texts."""
    return [one for one in ranked if one.text != text][:count]


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
