"""BLEU, chrF and TER, each with the signature that says how it was computed."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from regard.errors import RegardError, nearest, needs_extra
from regard.text.languages import script, without_region

TOKENIZERS = {
    "Hans": "zh",
    "Hant": "zh",
    "Hani": "zh",
    **dict.fromkeys(("Jpan", "Kore", "Hang", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"), "char"),
}
"""sacreBLEU's tokeniser for scripts that its default, 13a, cannot split into words. TER splits
their texts likewise, with its option `asian_support`."""


class Quality(NamedTuple):
    name: str
    """BLEU, chrF2 or TER."""
    value: float
    """BLEU and chrF2: 0 to 100, higher is better. TER: edits per 100 reference words, lower is
    better."""
    signature: str
    """How it was computed; only values with the same signature can be compared."""


class Convention(NamedTuple):
    prepare: Callable[[list[str], str], list[str]]
    """From texts and their language to the texts that are scored."""
    tokenizer: Callable[[str], str]
    """From a language to the name of sacreBLEU's tokeniser, which only BLEU uses."""
    lowercase: bool
    """Whether BLEU and chrF ignore case; TER always does."""
    label: str
    """Prefix of the signature, before sacreBLEU's part."""


def library(name: str) -> Any:
    """The module `name`, of a package that the extra `train` installs.

    Raises RegardError if it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise needs_extra("evaluating", error.name, "train") from error


def identity(texts: list[str], _language: str) -> list[str]:
    """The texts unchanged: sacreBLEU tokenises them."""
    return texts


def as_multi30k(texts: list[str], language: str) -> list[str]:
    """The texts as in the `lc.norm.tok` files of Multi30k, but without escapes such as `&apos;`.

    A language without Moses rules is tokenised like English.
    """
    moses, code = library("sacremoses"), without_region(language)
    normalizer, tokenizer = moses.MosesPunctNormalizer(code), moses.MosesTokenizer(code)
    normalized = [normalizer.normalize(text.lower()) for text in texts]
    return [
        " ".join(tokenizer.tokenize(text, escape=False, aggressive_dash_splits=False))
        for text in normalized
    ]


CONVENTIONS = {
    "sacrebleu": Convention(
        identity,
        lambda language: TOKENIZERS.get(script(language), "13a"),
        lowercase=False,
        label="",
    ),
    "multi30k": Convention(
        as_multi30k, lambda _language: "none", lowercase=True, label="convention:multi30k|"
    ),
}
"""Scoring conventions: cased and detokenised, or that of nearly all published Multi30k figures."""


def measure(
    hypotheses: list[str], references: list[str], language: str, convention: str
) -> list[Quality]:
    """BLEU, chrF2 and TER of the hypotheses, in this order.

    `language` is the code of the target language; `convention` is a name in `CONVENTIONS`.
    Raises RegardError if the convention is unknown, the numbers of lines differ, or there are none.
    """
    if convention not in CONVENTIONS:
        raise RegardError(
            f"there is no convention '{convention}'",
            "the scoring convention",
            nearest(convention, tuple(CONVENTIONS)),
        )
    refuse_unequal({"translations": hypotheses, "references": references})
    prepare, tokenizer, lowercase, label = CONVENTIONS[convention]
    scored, wanted = prepare(hypotheses, language), prepare(references, language)
    metrics = library("sacrebleu.metrics")
    is_split = script(language) in TOKENIZERS
    qualities = []
    for metric in (
        # force: no warning about tokenised full stops
        metrics.BLEU(tokenize=tokenizer(language), lowercase=lowercase, force=True),
        metrics.CHRF(lowercase=lowercase),
        metrics.TER(normalized=is_split, asian_support=is_split),
    ):
        score = metric.corpus_score(scored, [wanted])
        qualities.append(Quality(score.name, score.score, f"{label}{metric.get_signature()}"))
    return qualities


def bleu(hypotheses: list[str], references: list[str], language: str) -> float:
    """BLEU by the sacrebleu convention, 0 to 100.

    Raises RegardError if the numbers of lines differ, or there are none.
    """
    refuse_unequal({"translations": hypotheses, "references": references})
    return float(bleu_scorer(language).corpus_score(hypotheses, [references]).score)


def bleu_scorer(language: str) -> Any:
    """sacreBLEU's scorer for the sacrebleu convention and the target language `language`."""
    tokenizer = CONVENTIONS["sacrebleu"].tokenizer(language)
    return library("sacrebleu.metrics").BLEU(tokenize=tokenizer, force=True)


def refuse_unequal(sides: dict[str, list[str]]) -> None:
    """Raise RegardError unless all sides (name -> texts) have the same number of lines, not 0."""
    where = ", ".join(f"{name} ({len(texts):,} lines)" for name, texts in sides.items())
    if len({len(texts) for texts in sides.values()}) > 1:
        raise RegardError(
            "the numbers of lines differ", where, "give each source one translation, line by line"
        )
    if not any(sides.values()):
        raise RegardError("there is nothing to score", where, "give at least one line")
