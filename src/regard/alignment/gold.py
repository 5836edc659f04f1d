"""Gold alignments: read them, and measure links against them (Och & Ney 2003, section 2.4)."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.alignment.links import Indices
from regard.errors import RegardError, refuse_system_error
from regard.shapes import Float, Int

NAACL_LINE = re.compile(r"(\d+)\s+(\d+)\s+(\d+)(?:\s+([SP]))?(?:\s+\d*\.?\d+)?\s*")
"""The number of the sentence, two words from 1 (0 for none), sure or possible, a confidence."""
PHARAOH_LINK = re.compile(r"(\d+)([-p])(\d+)(?::\S+)?")
BOOTSTRAP_SAMPLES = 1000
"""Bootstrap samples of the sentences, for the interval of 95 %."""


class GoldLinks(NamedTuple):
    sure: frozenset[Indices]
    possible: frozenset[Indices]
    """These include the sure ones."""


class AlignmentQuality(NamedTuple):
    """Percentages; `low` and `high` bound 95 % of the bootstrap samples of the AER."""

    aer: float
    low: float
    high: float
    precision: float
    """Of the links, those that are possible."""
    recall: float
    """Of the sure links, those that are there."""
    f1: float
    links: int
    sure: int
    sentences: int


def read_gold(
    file: Path, lengths: Sequence[tuple[int, int]], base: int | None = None
) -> dict[int, GoldLinks]:
    """The gold links by sentence, counted from 0, in NAACL's form or in Pharaoh's.

    `lengths` are the numbers of words of each sentence; `base` is the number of the first word, by
    default 1 in NAACL's form and 0 in Pharaoh's.
    Raises RegardError if the file has another form, or links a word that is not there.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        refuse_system_error(error, "read the gold alignment", str(file))
    first = next((line for line in lines if line.strip()), "")
    is_naacl = NAACL_LINE.fullmatch(first.strip()) is not None
    read = read_naacl if is_naacl else read_pharaoh
    start = int(is_naacl) if base is None else base
    sure: dict[int, set[Indices]] = {}
    possible: dict[int, set[Indices]] = {}
    for number, line in enumerate(lines, 1):
        where = f"line {number} of {file}"
        for sentence, source, target, is_sure in read(line, number, where):
            possible.setdefault(sentence, set())
            if is_naacl and start == 1 and 0 in (source, target):
                continue  # linked to no word
            cell = source - start, target - start
            refuse_outside(sentence, cell, lengths, where, start)
            possible[sentence].add(cell)
            if is_sure:
                sure.setdefault(sentence, set()).add(cell)
    return {
        sentence: GoldLinks(frozenset(sure.get(sentence, ())), frozenset(cells))
        for sentence, cells in sorted(possible.items())
    }


GoldLine = list[tuple[int, int, int, bool]]
"""Sentence, source word, target word, and whether the link is sure."""


def read_naacl(line: str, _number: int, where: str) -> GoldLine:
    match = NAACL_LINE.fullmatch(line.strip())
    if not match:
        if line.strip():
            raise another_form(line, where, "0001 3 4 S")
        return []
    sentence, source, target = (int(match[group]) for group in (1, 2, 3))
    return [(sentence - 1, source, target, match[4] != "P")]


def read_pharaoh(line: str, number: int, where: str) -> GoldLine:
    links = []
    for link in line.split():
        match = PHARAOH_LINK.fullmatch(link)
        if not match:
            raise another_form(link, where, "0-0 1-2 2p1")
        links.append((number - 1, int(match[1]), int(match[3]), match[2] == "-"))
    return links


def another_form(text: str, where: str, example: str) -> RegardError:
    return RegardError(
        f"this is no link: {text.strip()[:60]!r}",
        where,
        f"write links as in {example!r}; the first line decides between the two forms",
    )


def refuse_outside(
    sentence: int, cell: Indices, lengths: Sequence[tuple[int, int]], where: str, base: int
) -> None:
    """Raises RegardError if the sentence or one of its words is not there."""
    if not 0 <= sentence < len(lengths):
        raise RegardError(
            f"a link of sentence {sentence + 1}, but there are {len(lengths)}",
            where,
            "give the text that the gold alignment is of",
        )
    if not all(0 <= index < length for index, length in zip(cell, lengths[sentence], strict=True)):
        source, target = lengths[sentence]
        raise RegardError(
            f"a link of words {cell[0] + base} and {cell[1] + base}, but sentence {sentence + 1}"
            f" has {source} and {target} words",
            where,
            "give --words spaces if the text is cut into words already, --gold-base 0 or 1 if"
            " words are counted from another number, or the two sides in the other order",
        )


def measure_links(
    links: Mapping[int, set[Indices]], gold: dict[int, GoldLinks]
) -> AlignmentQuality:
    """The quality of the links of all sentences that have gold links.

    AER = 1 - (|A and S| + |A and P|) / (|A| + |S|).
    """
    counts = np.array(
        [
            (
                len(links[sentence]),
                len(links[sentence] & one.sure),
                len(links[sentence] & one.possible),
                len(one.sure),
            )
            for sentence, one in gold.items()
        ]
    ).reshape(-1, 4)
    total = counts.sum(axis=0)
    draws = np.random.default_rng(1).integers(len(counts), size=(BOOTSTRAP_SAMPLES, len(counts)))
    low, high = np.quantile(error_rate(counts[draws].sum(axis=1)), [0.025, 0.975])
    proposed, sure_hits, possible_hits, sure = total.tolist()
    precision = possible_hits / proposed if proposed else 0.0
    recall = sure_hits / sure if sure else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return AlignmentQuality(
        aer=100 * float(error_rate(total[None])[0]),
        low=100 * float(low),
        high=100 * float(high),
        precision=100 * precision,
        recall=100 * recall,
        f1=100 * f1,
        links=proposed,
        sure=sure,
        sentences=len(gold),
    )


def error_rate(counts: Int[np.ndarray, "N 4"]) -> Float[np.ndarray, " N"]:
    """AER of each row: links, links that are sure, links that are possible, sure gold links."""
    proposed, sure_hits, possible_hits, sure = counts.T
    return 1 - (sure_hits + possible_hits) / np.maximum(proposed + sure, 1)


def quality_line(quality: AlignmentQuality) -> str:
    return f"AER {quality.aer:.2f}, {quality_details(quality)}"


def quality_details(quality: AlignmentQuality) -> str:
    """All but the error rate itself."""
    return (
        f"95 %: {quality.low:.2f} to {quality.high:.2f}, precision {quality.precision:.2f}, recall"
        f" {quality.recall:.2f}, F1 {quality.f1:.2f}: {quality.links:,} links,"
        f" {quality.sure:,} sure gold links, {quality.sentences:,} sentences"
    )
