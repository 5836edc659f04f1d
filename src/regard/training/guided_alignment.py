"""The word links that guided alignment teaches: of a file, or those that an aligner finds."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from regard.alignment.aligner import STEPS, SentenceWords, align_text, number_text
from regard.alignment.gold import read_pharaoh
from regard.alignment.links import SURE_PROBABILITY, THRESHOLD, Indices, links_of
from regard.alignment.words import SEGMENTATIONS, VIEWS, Segmentation, aligned_words
from regard.config import TrainOptions
from regard.data.corpus import CHUNK_PAIRS, Numbers, ParallelTexts
from regard.data.guidance import WordLinks, write_word_links
from regard.errors import RegardError, refuse_system_error
from regard.system import cores
from regard.training.report import Report

AUTO = "auto"
FOLDER = "guidance"
"""In the folder of all that training needs."""
MAX_MISPLACED = 0.01
"""Of the pairs, that have links of words that are not there: of more, the file is another text's.
Fewer are pairs whose words the normalization of the text has changed; they get no links."""


@runtime_checkable
class NumberedTexts(ParallelTexts, Protocol):
    @property
    def lines(self) -> Numbers:
        """The line of each pair in the original files, from 1."""


def prepare_word_links(
    training: Path, texts: NumberedTexts, options: TrainOptions, report: Report
) -> WordLinks | None:
    """The links of the training text, in the folder `training`, where they are written if they are
    not there; None without guided alignment.

    Raises RegardError if the file of links is not one of this text.
    """
    if not options.guided_alignment:
        return None
    is_auto = options.guided_alignment == AUTO
    segmentation: Segmentation = "text" if is_auto else options.guided_alignment_words
    folder = training / FOLDER
    if not folder.exists():
        unfinished = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            if is_auto:
                links = aligned_links(texts, unfinished, report)
            else:
                links = given_links(Path(options.guided_alignment), texts, segmentation)
            write_word_links(links, unfinished)
            unfinished.rename(folder)
        except OSError as error:
            refuse_system_error(error, "write the links", str(folder))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return WordLinks(folder, segmentation)


def pairs_of(texts: ParallelTexts) -> Iterator[tuple[str, str]]:
    for begin in range(0, len(texts), CHUNK_PAIRS):
        indices = np.arange(begin, min(begin + CHUNK_PAIRS, len(texts)))
        yield from zip(texts.sources(indices), texts.targets(indices), strict=True)


def aligned_links(
    texts: ParallelTexts, folder: Path, report: Report
) -> Iterator[Sequence[Indices]]:
    """The links of each pair that an aligner finds, which learns from the text itself."""
    cut = SEGMENTATIONS["text"]

    def sentences() -> Iterator[SentenceWords]:
        tick = report.progress("cutting words", len(texts))
        for number, (source, target) in enumerate(pairs_of(texts)):
            if number % CHUNK_PAIRS == 0:
                tick(number)
            yield aligned_words(source, cut(source)), aligned_words(target, cut(target))

    text = number_text(sentences(), folder)
    lengths = np.stack([side.tokens.lengths for side in text])
    tick = report.progress("aligning words", int(lengths.prod(axis=0).sum()) * len(VIEWS) * STEPS)
    posteriors, _ = align_text(text, folder, None, cores(), tick)
    for number in range(len(posteriors)):
        links = links_of(posteriors[number], THRESHOLD, SURE_PROBABILITY)
        yield [(link.source, link.target) for link in links]


def given_links(
    file: Path, texts: NumberedTexts, segmentation: Segmentation
) -> Iterator[Sequence[Indices]]:
    """The links of each pair, which stand in its line of a file.

    Raises RegardError if the lines of the file are not those of the text.
    """
    cut, misplaced = SEGMENTATIONS[segmentation], list[int]()
    lines, number = numbered_lines(file), 0
    for pair, wanted in zip(pairs_of(texts), texts.lines.tolist(), strict=True):
        while number < wanted:
            number, line = next(lines, (wanted + 1, ""))
        if number > wanted:
            raise another_text(file, f"it has no line {wanted:,}")
        links = [link[1:3] for link in read_pharaoh(line, number, f"line {number} of {file}")]
        words = [len(cut(text)) for text in pair]
        if any(link[side] >= words[side] for link in links for side in range(2)):
            misplaced.append(number)
            links = []
        yield links
    if len(misplaced) > MAX_MISPLACED * len(texts):
        raise another_text(
            file, f"{len(misplaced):,} lines link words that are not there, first {misplaced[0]:,}"
        )


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            yield from enumerate(stream, 1)
    except OSError as error:
        refuse_system_error(error, "read the links", str(file))


def another_text(file: Path, what: str) -> RegardError:
    return RegardError(
        f"these are not the links of the training text: {what}",
        str(file),
        "align the same text with `regard align`, or give train.guided_alignment_words=spaces if"
        " its words are counted by spaces",
    )
