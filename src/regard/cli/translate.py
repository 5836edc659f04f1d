"""regard translate"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from regard import models
from regard.cli.common import (
    BeamOption,
    ModelOption,
    announce_default_model,
    as_utf8,
    errors,
    refuse_stdin_twice,
    use_utf8,
)
from regard.cli.line_reader import read_chunks
from regard.cli.partial_output import begin as begin_part
from regard.cli.partial_output import output_paths, skip_lines
from regard.cli.partial_output import resume as resume_part
from regard.config import SearchOptions
from regard.data.formats.lines import (
    STANDARD_INPUT,
    decode_line,
    is_too_long,
    is_utf8,
    open_bytes,
    read_lines,
)
from regard.errors import RegardError
from regard.files import file_digest
from regard.storage import folder as checkpoint
from regard.system import release_freed_memory
from regard.translation import Translation
from regard.translator import Translator, load

CHUNK_LINES = 2048
"""Lines that are held at a time."""
CHUNK_BYTES = 2**22
"""Bytes behind which no further line is added to them."""
MAX_LISTED_LINES = 5
"""Numbers of lines that a warning tells."""
REPLACEMENT = "\ufffd"
"""What stands for a byte that is not UTF-8."""


class Format(StrEnum):
    """Of the input."""

    text = "text"


class OutputOptions(NamedTuple):
    """How a line is translated and written."""

    n_best: int
    prefix: str
    as_json: bool
    no_sentence_splitting: bool


@dataclass
class LineWarning:
    """Lines of which somebody should know: how many, and the first of them."""

    message: str
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.first) < MAX_LISTED_LINES:
            self.first.append(number)

    def print(self, total: int) -> None:
        """One line on standard error, if there are any."""
        if self.count:
            shown = ", ".join(map(str, self.first)) + (
                ", ..." if self.count > MAX_LISTED_LINES else ""
            )
            errors.print(
                f"line {shown}: {self.message} ({self.count:,} of {total:,})",
                style="yellow",
                highlight=False,
                soft_wrap=True,
            )


class LineWarnings:
    """All that somebody should know of the lines of a text and of their translations."""

    def __init__(self) -> None:
        self.not_utf8 = LineWarning("bytes that are not UTF-8; iconv converts a file")
        self.truncated = LineWarning(
            "longer than a megabyte, and what stands behind it was left out"
        )
        self.unfinished = LineWarning(
            "translations that did not end by themselves; --json says why"
        )

    def add(self, number: int, line: bytes, best: Translation) -> None:
        if REPLACEMENT in best.source and not is_utf8(line):
            self.not_utf8.add(number)
        if is_too_long(line):
            self.truncated.add(number)
        if best.finish_reason != "eos":
            self.unfinished.add(number)

    def print(self, total: int) -> None:
        for noted in (self.not_utf8, self.truncated, self.unfinished):
            noted.print(total)


def translate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE ...]", help="Text files, a sentence a line; none or - is standard input."
        ),
    ] = None,
    model: ModelOption = models.DEFAULT,
    beam: BeamOption = 0,
    n_best: Annotated[
        int,
        typer.Option(
            help="Translations of each line, at most, best first: by log-probability /"
            " length^length_penalty. The beam is at least as wide.",
            min=1,
            max=1000,
        ),
    ] = 1,
    prefix: Annotated[
        str, typer.Option(help="Target text with which every translation begins.")
    ] = "",
    format: Annotated[Format, typer.Option(help="Format of the input.")] = Format.text,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object for each line.")
    ] = False,
    no_sentence_splitting: Annotated[
        bool,
        typer.Option("--no-sentence-splitting", help="Translate each line as one sentence."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write to this new file; until it is whole it grows as FILE.part.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with --out where it was stopped; what comes through a pipe has to be the"
            " same text again.",
        ),
    ] = False,
    shortlist: Annotated[
        bool,
        typer.Option(
            "--shortlist",
            help="Choose among the few hundred tokens that each sentence may need: faster for"
            " single sentences, and hardly worse (.regard files; beams of up to 15).",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(help="Batches at a time; 0 is one a core (.regard files).", min=0)
    ] = 0,
    threads: Annotated[int, typer.Option(help="Cores for each batch (.regard files).", min=1)] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda (model folders).")] = "auto",
) -> None:
    """Translate lines of text, in order; an empty line gives an empty line.

    A line of several sentences is translated sentence by sentence, unless
    --no-sentence-splitting, --prefix or an --n-best above 1 is given. With --n-best 2 and more each line gives up to N lines:
    line number, log-probability and text, with tabs between.

    Example:

        echo "The black cat ate the mouse." | regard translate

        regard translate book.txt --model en-fr.regard --out book.fr --resume
    """
    use_utf8()
    if resume and out is None:
        raise RegardError("--resume needs a file to go on with", "--resume", "give --out FILE")
    read = files or [STANDARD_INPUT]
    refuse_stdin_twice(read)
    for file in read:
        if file != STANDARD_INPUT and not file.is_fifo():
            open_bytes(file).close()  # a wrong path is told before the work
    announce_default_model(model)
    release_freed_memory()
    translator = load(model, device=device, workers=workers, threads=threads)
    if shortlist:
        translator = translator.with_shortlist()
    options = translator.options
    size = max(beam or options.beam, n_best)
    translator = translator.with_options(
        SearchOptions.model_validate({**options.model_dump(), "beam": size})
    )
    wanted = OutputOptions(
        n_best,
        as_utf8(prefix),
        as_json,
        no_sentence_splitting or n_best > 1 or bool(prefix),
    )
    if out is not None and resume and out.is_file() and not output_paths(out).part.exists():
        errors.print(
            f"{out} is whole already, and stays as it is; remove it to translate again",
            highlight=False,
            soft_wrap=True,
        )
        return
    growing = None
    if out is not None:
        asked = {
            "model": content_fingerprint(models.find(model)),
            "text": [content_fingerprint(file) for file in read],
            **wanted._asdict(),
            "beam": size,
            "shortlist": shortlist,
        }
        is_numbered = n_best > 1 and not as_json
        growing = resume_part(out, asked, is_numbered) if resume else begin_part(out, asked)
    done = growing.done if growing else 0
    lines = skip_lines((line for file in read for line in read_lines(file)), done)
    notes = LineWarnings()
    with ExitStack() as stack:
        to = stack.enter_context(growing.opened()) if growing else sys.stdout
        is_watched = errors.is_terminal and not to.isatty()
        tell = stack.enter_context(counting(read, done)) if is_watched else no_progress
        number = done
        chunks = in_chunks if are_files(read) else read_chunks
        for chunk in chunks(lines, CHUNK_LINES, CHUNK_BYTES):
            texts = [decode_line(line) for line in chunk]
            for line, best in zip(chunk, translate_chunk(translator, texts, wanted), strict=True):
                number += 1
                notes.add(number, line, best[0])
                to.write(json_line(best) if as_json else text_lines(best, n_best, number))
            to.flush()
            tell(number)
    if growing:
        growing.finish()
    notes.print(number - done)


def content_fingerprint(file: Path) -> str:
    """What tells a text or a model from others, wherever it stands."""
    if file == STANDARD_INPUT:
        return str(file)
    parts = checkpoint.model_files(file) if file.is_dir() else [file]
    digests = [file_digest(part) for part in parts if part.is_file()]
    return " ".join([file.name, *digests]) if digests else str(file)


def translate_chunk(
    translator: Translator, lines: list[str], wanted: OutputOptions
) -> list[list[Translation]]:
    """The best translations of each line."""
    if not wanted.no_sentence_splitting:
        return [[best] for best in translator.translate(lines)]
    if wanted.prefix:
        found = translator.translate_with_prefix(lines, wanted.prefix)
    else:
        found = translator.n_best(lines)
    return [best[: wanted.n_best] for best in found]


def are_files(files: list[Path]) -> bool:
    """Whether nothing of it is typed, or comes through a pipe."""
    return all(file != STANDARD_INPUT and file.is_file() for file in files)


def no_progress(done: int) -> None:
    """How many lines are done, where the results themselves appear, or nobody watches."""


def count_lines(files: list[Path]) -> int | None:
    """Of files; what comes through a pipe is not known beforehand."""
    return sum(1 for file in files for _ in read_lines(file)) if are_files(files) else None


@contextmanager
def counting(files: list[Path], done: int) -> Iterator[Callable[[int], None]]:
    """Counts lines on a terminal; gives what is to be told how many are done, `done` before now."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("lines"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    ) as bar:
        task = bar.add_task("translating", total=count_lines(files), completed=done)
        yield lambda number: bar.update(task, completed=number)


def in_chunks(lines: Iterable[bytes], count: int, size: int) -> Iterator[list[bytes]]:
    """Lists of `count` lines, of fewer where they are long: none further behind `size` bytes."""
    chunk: list[bytes] = []
    held = 0
    for line in lines:
        chunk.append(line)
        held += len(line)
        if len(chunk) == count or held >= size:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def text_lines(best: list[Translation], n_best: int, number: int) -> str:
    if n_best == 1:
        return best[0].text + "\n"
    return "".join(f"{number}\t{one.log_prob:.4f}\t{one.text}\n" for one in best)


def json_line(best: list[Translation]) -> str:
    found = [
        {"text": one.text, "log_prob": round(one.log_prob, 4), "finish_reason": one.finish_reason}
        for one in best
    ]
    content = {"source": best[0].source, "translations": found}
    return json.dumps(content, ensure_ascii=False) + "\n"


def add_to(app: typer.Typer) -> None:
    app.command()(translate)
