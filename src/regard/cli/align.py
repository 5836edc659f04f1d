"""regard align"""

import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from regard import models
from regard.alignment.formats import LINK_FORMATS, AlignedPair
from regard.alignment.gold import GoldLinks, measure_links, quality_line, read_gold
from regard.alignment.links import (
    SYMMETRIZATIONS,
    THRESHOLD,
    Indices,
    Posterior,
    links_of,
    of_one_model,
)
from regard.alignment.words import SEGMENTATIONS, VIEWS, aligned_words
from regard.cli.common import (
    errors,
    new_folder,
    output_stream,
    print_message,
    print_warning,
    progress,
    refuse_without_links,
    use_utf8,
)
from regard.data.formats import read_raw_pairs
from regard.data.formats.lines import STANDARD_INPUT
from regard.data.formats.pair import Pair
from regard.errors import RegardError, nearest
from regard.files import new_file
from regard.storage.folder import MODEL_INFO
from regard.storage.model_file import is_file
from regard.system import cores
from regard.text.segments import tokenize
from regard.text.spans import Span
from regard.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from regard.alignment.aligner import Aligner, Text
    from regard.alignment.posteriors import TextPosteriors
    from regard.translator import Translator

ANY_LANGUAGES = "en", "fr"
"""The keys of a .jsonl besides `source` and `target`; nothing else depends on them."""

CHUNK_LINES = 1000
"""Lines that a translation model aligns at a time."""
FEW_LINES = 5000
"""With fewer lines, what is learned from them is weak."""


TOKENS = "tokens"
"""Of a translation model, instead of words."""

Cut = Callable[[str], list[Span]]
"""Where the words of a line are."""


class Asked(NamedTuple):
    """How the links are chosen and written."""

    form: str
    way: str
    threshold: float
    possible: float | None
    cuts: tuple[Cut, Cut]
    """Of the source and of the target."""

    def pair(self, number: int, line: Pair | None, posteriors: "TextPosteriors") -> AlignedPair:
        """The links of line `number`, from 1; none if it holds no pair."""
        source, target = (line.source, line.target) if line else ("", "")
        spans = [cut(text) for cut, text in zip(self.cuts, (source, target), strict=True)]
        lowest = self.threshold if self.possible is None else min(self.threshold, self.possible)
        links = links_of(posteriors[number - 1], self.way, lowest)
        sure = self.threshold if self.way == THRESHOLD else -1.0
        return AlignedPair(number, source, target, spans[0], spans[1], links, sure)


def align(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE TARGET",
            help="Two text files, a sentence a line; or one .tsv or .jsonl with both sides; or -,"
            " a table on standard input.",
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="An aligner that --save wrote, or a translation model: its alignment head finds"
            " the links. Without it an aligner is learned from the text."
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep what is learned in this new folder, for --model.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the links to this new file, not to the terminal.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help=f"One of: {', '.join(LINK_FORMATS)}.")
    ] = "pharaoh",
    symmetrize: Annotated[
        str,
        typer.Option(
            help=f"How two directions become one: {', '.join((THRESHOLD, *SYMMETRIZATIONS))}."
        ),
    ] = THRESHOLD,
    threshold: Annotated[
        float, typer.Option(help="The lowest probability of a link.", min=0.0, max=1.0)
    ] = 0.3,
    possible: Annotated[
        float | None,
        typer.Option(help="Less likely links, from this on, are marked as possible.", min=0.0),
    ] = None,
    words: Annotated[
        Literal["text", "spaces", "tokens"],
        typer.Option(
            help="Cut lines into words as text, at their spaces alone, or into the tokens of the"
            " translation model."
        ),
    ] = "text",
    gold: Annotated[
        Path | None,
        typer.Option(help="Measure the links against these, in NAACL's or Pharaoh's form."),
    ] = None,
    gold_base: Annotated[
        int | None,
        typer.Option(help="The number of the first word there.", min=0, max=1),
    ] = None,
    worst: Annotated[
        int, typer.Option(help="With --gold: show so many sentences that cost most.", min=0)
    ] = 0,
) -> None:
    """Find which word of each sentence translates which word of the other language.

    Nothing else is needed: the aligner learns from the text itself, which takes half a minute for
    30,000 sentences. Each line of the output belongs to a line of the input: 0-0 1-2 says that the
    first words translate each other, and the second word of the source the third of the target.

    Examples:

        regard align train.en train.fr > train.links

        regard align train.en train.fr --save aligner --format words

        regard align test.en test.fr --model aligner --gold test.wa --words spaces
    """
    use_utf8()
    refuse_unknown(form, symmetrize, possible)
    if out is not None:
        new_file(out).unlink()
    translator = load_translator(model) if model and is_translation_model(model) else None
    if save is not None:
        if translator is not None:
            raise RegardError("a translation model learns nothing here", "--save", "leave it out")
        new_folder(save).rmdir()
    from regard.alignment.aligner import load_aligner, save_aligner

    saved = load_aligner(model) if model and translator is None else None
    cuts = cuts_of(words, translator)
    asked = Asked(form, symmetrize, threshold, possible, cuts)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder is removed
    with TemporaryDirectory(prefix="regard-align-") as temporary:
        folder = Path(temporary)
        readable = [as_file(file, folder) for file in files]
        text = read_words(readable, folder, cuts)
        gold_links = read_gold(gold, lengths_of(text), gold_base) if gold else {}
        if translator is not None:
            posteriors = aligned_by_model(translator, readable, text, cuts, folder)
        else:
            posteriors, aligner = aligned(text, folder, saved)
            if save is not None:
                save_aligner(aligner, new_folder(save))
                print_message(f"written: {save}")
        if out is not None or gold is None:
            write_links(readable, asked, posteriors, out)
        if gold is not None:
            report_quality(readable, asked, posteriors, gold_links, worst)


def refuse_unknown(form: str, symmetrize: str, possible: float | None) -> None:
    """Raises RegardError if a table has no such name, or options exclude each other."""
    for name, value, table in (
        ("--format", form, LINK_FORMATS),
        ("--symmetrize", symmetrize, {THRESHOLD, *SYMMETRIZATIONS}),
    ):
        if value not in table:
            raise RegardError(f"there is no '{value}'", name, nearest(value, tuple(table)))
    if possible is not None and symmetrize != THRESHOLD:
        raise RegardError(
            "--possible marks links by their probability", "--symmetrize", "leave one of them out"
        )


def cuts_of(words: str, translator: "Translator | None") -> tuple[Cut, Cut]:
    """Raises RegardError if there is no model to make tokens."""
    if words != TOKENS:
        return SEGMENTATIONS[words], SEGMENTATIONS[words]
    if translator is None:
        to_do = "give one with --model"
        raise RegardError("tokens are those of a translation model", "--words tokens", to_do)

    def token_spans(vocabulary: Vocabulary, text: str) -> list[Span]:
        return [token.span for token in tokenize(vocabulary, text)]

    return partial(token_spans, translator.source), partial(token_spans, translator.target)


def as_file(file: Path, folder: Path) -> Path:
    """The file itself; of standard input a copy, since text is read more than once."""
    if file != STANDARD_INPUT:
        return file
    copy = folder / "standard-input.tsv"
    with copy.open("wb") as stream:
        shutil.copyfileobj(sys.stdin.buffer, stream)
    return copy


def read_sentences(files: Sequence[Path]) -> Iterator[Pair | None]:
    """The pair on each line, as it is written; None for a line that holds none."""
    for line in read_raw_pairs(files, ANY_LANGUAGES):
        yield line if isinstance(line, Pair) else None


def read_words(files: Sequence[Path], folder: Path, cuts: tuple[Cut, Cut]) -> "Text":
    """The words of all sentences, in files in `folder`. Raises RegardError if there are none."""
    from regard.alignment.aligner import number_text

    def sentence_words() -> Iterator[tuple[list[str], list[str]]]:
        for line in read_sentences(files):
            sides = (line.source, line.target) if line else ("", "")
            source, target = (
                aligned_words(text, cut(text)) for text, cut in zip(sides, cuts, strict=True)
            )
            yield source, target

    with errors.status("reading the text"):
        text = number_text(sentence_words(), folder)
    if not (text.source.words and text.target.words):
        raise RegardError("there is no text", ", ".join(map(str, files)), "give text on both sides")
    return text


def lengths_of(text: "Text") -> list[tuple[int, int]]:
    """The numbers of words of each source and target."""
    return list(zip(*(side.tokens.lengths.tolist() for side in text), strict=True))


def aligned(
    text: "Text", folder: Path, aligner: "Aligner | None"
) -> "tuple[TextPosteriors, Aligner]":
    """Align the sentences, with a saved aligner or one that learns from them."""
    from regard.alignment.aligner import STEPS, align_text

    source_lengths, target_lengths = (side.tokens.lengths for side in text)
    if aligner is None and len(source_lengths) < FEW_LINES:
        print_warning(
            f"{len(source_lengths):,} lines are little to learn from; more text, or --model with an"
            " aligner that has learned from more, gives better links"
        )
    cells = source_lengths * target_lengths
    total = int(cells.sum()) * len(VIEWS) * (2 if aligner else STEPS)
    with progress("aligning", total) as tick:
        result = align_text(text, folder, aligner, cores(), tick)
    if empty := int((cells == 0).sum()):
        print_warning(f"{empty:,} of {len(cells):,} lines have no words on one side: no links")
    return result


def is_translation_model(model: Path) -> bool:
    """Whether a path names one: a file, a folder, or a built-in model; else it is an aligner."""
    is_named = str(model) in models.builtin_names() and not model.is_dir()
    return is_named or is_file(model) or (model / MODEL_INFO).exists()


def load_translator(model: Path) -> "Translator":
    from regard.loading import load

    translator = load(model)
    refuse_without_links(translator)
    return translator


def aligned_by_model(
    translator: "Translator",
    files: Sequence[Path],
    text: "Text",
    cuts: tuple[Cut, Cut],
    folder: Path,
) -> "TextPosteriors":
    """The links that a translation model finds, sentence by sentence."""
    from regard.alignment.posteriors import TextPosteriors, write_given
    from regard.word_alignment import GivenPair, align_given

    def posteriors() -> Iterator[Posterior]:
        lines, number = read_sentences(files), 0
        with progress("aligning", len(text.source.tokens.lengths)) as tick:
            while chunk := list(islice(lines, CHUNK_LINES)):
                sides = [(line.source, line.target) if line else ("", "") for line in chunk]
                pairs = [
                    GivenPair(*both, *(cut(text) for cut, text in zip(cuts, both, strict=True)))
                    for both in sides
                ]
                yield from align_given(translator, pairs)
                number += len(chunk)
                tick(number)

    stem = folder / "links"
    return TextPosteriors(stem, write_given(posteriors(), stem), of_one_model)


def write_links(
    files: Sequence[Path], asked: Asked, posteriors: "TextPosteriors", out: Path | None
) -> None:
    write = LINK_FORMATS[asked.form]
    with output_stream(out) as stream:
        for number, line in enumerate(read_sentences(files), 1):
            text = write(asked.pair(number, line, posteriors))
            if text or asked.form != "naacl":
                stream.write(f"{text}\n")
    if out is not None:
        print_message(f"written: {out}")


def report_quality(
    files: Sequence[Path],
    asked: Asked,
    posteriors: "TextPosteriors",
    gold: dict[int, GoldLinks],
    worst: int,
) -> None:
    pairs = {
        number - 1: asked.pair(number, line, posteriors)
        for number, line in enumerate(read_sentences(files), 1)
        if number - 1 in gold
    }
    links = {
        sentence: {link[:2] for link in pair.links if pair.is_sure(link)}
        for sentence, pair in pairs.items()
    }
    typer.echo(quality_line(measure_links(links, gold)))
    costly = sorted(gold, key=lambda sentence: -cost(links[sentence], gold[sentence]))
    for sentence in costly[:worst]:
        print_mistakes(pairs[sentence], links[sentence], gold[sentence])


def cost(links: set[Indices], gold: GoldLinks) -> int:
    """How many links are wrong or missing."""
    return len(links - gold.possible) + len(gold.sure - links)


def print_mistakes(pair: AlignedPair, links: set[Indices], gold: GoldLinks) -> None:
    typer.echo(f"\n{pair.number}  {pair.source}\n{' ' * len(str(pair.number))}  {pair.target}")
    for kind, cells in (("wrong", links - gold.possible), ("missing", gold.sure - links)):
        for source, target in sorted(cells):
            words = (
                text[slice(*spans[index])]
                for text, spans, index in (
                    (pair.source, pair.source_words, source),
                    (pair.target, pair.target_words, target),
                )
            )
            typer.echo(f"  {kind:<8} {source}-{target}  {' → '.join(words)}")
