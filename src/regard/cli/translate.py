"""regard translate"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer

from regard import models
from regard.cli import OPTIONAL_ADDRESS
from regard.cli.common import (
    BeamOption,
    ModelOption,
    announce_default_model,
    as_utf8,
    errors,
    head_warning,
    print_message,
    print_warning,
    refuse_stdin_twice,
    use_utf8,
)
from regard.cli.line_reader import read_chunks
from regard.cli.line_warnings import LineWarnings
from regard.config import TextOptions
from regard.data.formats.kinds import subtitle_warning
from regard.data.formats.lines import (
    STANDARD_INPUT,
    decode_line,
    read_lines,
)
from regard.errors import RegardError
from regard.loading import load
from regard.shards.formats import is_table
from regard.shards.partial_output import PartialOutput, output_paths, skip_records
from regard.shards.partial_output import begin as begin_part
from regard.shards.partial_output import resume as resume_part
from regard.shards.plan import ends_as_folder, is_pattern
from regard.shards.shard import content_fingerprint
from regard.shards.text import join_paragraphs
from regard.shards.writing import (
    OutputOptions,
    Request,
    translate_lines,
)
from regard.system import release_freed_memory
from regard.translator import Translator

CHUNK_LINES = 2048
"""At most so many lines are held at a time."""
CHUNK_BYTES = 2**22
"""No further line is added to a chunk of this size."""
FIRST_LINES = 5
"""Lines that may show that a file holds subtitles."""


class Format(StrEnum):
    """The formats of the input; all but auto are keys of `FILE_READERS`."""

    auto = "auto"
    text = "text"
    html = "html"
    xml = "xml"
    srt = "srt"
    vtt = "vtt"
    markdown = "markdown"
    po = "po"
    xliff = "xliff"
    docx = "docx"


Stage = StrEnum("Stage", list(TextOptions.__struct_fields__))  # type: ignore[misc]
"""The stages of text that --without names."""


def translate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE ...]",
            help="Text files, of which a line may hold several sentences, a document, or Parquet"
            " files. Without a file, or with -, standard input is read. A pattern in quotation"
            " marks, such as 'in/*.txt', is each file that matches it.",
        ),
    ] = None,
    model: ModelOption = models.DEFAULT,
    beam: BeamOption = 0,
    n_best: Annotated[
        int,
        typer.Option(
            help="The maximum number of translations per line, best first, ordered by"
            " log-probability / length^length_penalty. Widens the beam if necessary.",
            min=1,
            max=1000,
        ),
    ] = 1,
    prefix: Annotated[
        str, typer.Option(help="Target text with which every translation begins.")
    ] = "",
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Of the input: lines of text, or a document, of which all but the text is kept as"
            " it is. auto: by the file's name.",
        ),
    ] = Format.auto,
    lines: Annotated[
        bool,
        typer.Option("--lines", help="With --format html or xml: each line is a document."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object for each line.")
    ] = False,
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="Append which words translate each other: ||| 0-0 1-2 says that the third word of"
            " the translation is that of the second one of the line. --json has their characters"
            " and probabilities.",
        ),
    ] = False,
    no_sentence_splitting: Annotated[
        bool, typer.Option("--no-sentence-splitting", help="Translate each line as one sentence.")
    ] = False,
    paragraphs: Annotated[
        bool,
        typer.Option(
            "--paragraphs",
            help="Join the lines of each paragraph first, for text that is wrapped at a fixed"
            " width: one output line for each paragraph, and for each empty line.",
        ),
    ] = False,
    protect: Annotated[
        str,
        typer.Option(
            metavar="REGEX",
            help="Copy what this regular expression matches, as addresses and {names} are.",
        ),
    ] = "",
    tag: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Translate as the corpora with this tag do; see data.corpora."
        ),
    ] = "",
    without: Annotated[
        list[Stage] | None,
        typer.Option(
            help="Switch a stage off; may be repeated. layout: copy indentation, tabs and list"
            " marks. normalization: read typographic signs in plain form. spans: copy what is no"
            " language. case: read CAPITALS in small letters. coverage: search skipped words"
            " again.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|FOLDER/",
            help="Write to this new file. Until it is complete it is called FILE.part. In a FOLDER/"
            " each input has an output of the same relative path.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue an interrupted --out. Refuses another model, input or option. Piped"
            " input cannot be checked: pipe in the same text.",
        ),
    ] = False,
    column: Annotated[
        str, typer.Option(metavar="NAME", help="Of Parquet files: the column with the text.")
    ] = "",
    target_column: Annotated[
        str,
        typer.Option(metavar="NAME", help="Of Parquet files: the column that is added."),
    ] = "",
    ray: Annotated[
        str,
        typer.Option(
            metavar=OPTIONAL_ADDRESS,
            help="Translate on the cluster at this address (auto, HOST:PORT, ray://HOST:PORT), or"
            " on a Ray that is started on this machine; --workers is per node (.regard files).",
        ),
    ] = "",
    shortlist: Annotated[
        bool,
        typer.Option(
            "--shortlist",
            help="Consider only the few hundred target tokens that a sentence may need: faster for"
            " single sentences, at nearly the same quality (.regard files; beams up to 15).",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(help="Batches at a time; 0 is one per core (.regard files).", min=0)
    ] = 0,
    threads: Annotated[int, typer.Option(help="Cores per batch (.regard files).", min=1)] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda (model folders).")] = "auto",
) -> None:
    """Translate lines of text, in order, or a document; an empty line gives an empty line.

    A line is split into sentences, unless --no-sentence-splitting, --prefix or --n-best is given.
    With --n-best N each line gives up to N lines: line number, log-probability and translation,
    separated by tabs.

    Examples:

        echo "The black cat ate the mouse." | regard translate

        regard translate book.txt --model en-fr.regard --out book.fr --resume

        regard translate --prefix "Le chat" --json < sentences.txt

        regard translate page.html --out page.fr.html

        regard translate report.docx --out report.fr.docx

        regard translate 'in/*.parquet' --column en --target-column fr --out out/ --resume
    """
    use_utf8()
    if resume and out is None:
        raise RegardError("--resume needs an output file", "--resume", "give --out FILE")
    read, to_file = files or [STANDARD_INPUT], None if out is None else Path(out)
    refuse_stdin_twice(read)
    output = OutputOptions(
        n_best,
        as_utf8(prefix),
        as_json,
        align,
        no_sentence_splitting or n_best > 1 or bool(prefix),
        paragraphs,
        tuple(str(stage) for stage in without or ()),
        as_utf8(protect),
        as_utf8(tag),
    )
    bulk, chosen = None, Format.text
    if column or target_column or ray or are_shards(read, out):
        from regard.cli.bulk import BulkOptions, Computing, plan_bulk, translate_bulk

        options = BulkOptions(out, column, target_column, ray, resume, form)
        bulk = plan_bulk(read, options, output, model)
    else:
        chosen = format_of_input(files, form, to_file, lines or as_json)
        warn_of_subtitles(read if chosen == Format.text else [])
    announce_default_model(model)
    release_freed_memory()
    translator = load(model, device=device, workers=workers, threads=threads)
    if align:
        print_warning(head_warning(translator))
    request = Request(output, max(beam or translator.options.beam, n_best), shortlist)
    translator = request.prepare(translator)
    if bulk:
        translate_bulk(bulk, translator, request, options, Computing(model, workers, threads))
    elif to_file and resume and to_file.is_file() and not output_paths(to_file).part.exists():
        print_message(f"{out} is complete already; remove it to translate again")
    elif chosen != Format.text:
        from regard.cli.documents import MarkupOutput, refuse_text_options, translate_documents

        refuse_text_options(output, resume)
        translate_documents(translator, read, MarkupOutput(chosen, lines, as_json, to_file))
    else:
        partial = begin_text(read, to_file, request, models.find(model), resume)
        translate_text(translator, read, output, partial)


def are_shards(files: list[Path], out: str | None) -> bool:
    """Whether each file has an output of its own: in a folder, by a pattern, or with a column
    added."""
    return (out is not None and ends_as_folder(out)) or any(
        is_pattern(file) or is_table(file) for file in files
    )


def begin_text(
    files: list[Path], out: Path | None, request: Request, model: Path, resume: bool
) -> PartialOutput | None:
    """Begin or resume the output of a text; None for standard output."""
    if out is None:
        return None
    command = {
        "model": content_fingerprint(model),
        "text": [content_fingerprint(file) for file in files],
        **request.output._asdict(),
        "beam": request.beam,
        "shortlist": request.shortlist,
    }
    is_numbered = request.output.n_best > 1 and not request.output.as_json
    return resume_part(out, command, is_numbered) if resume else begin_part(out, command)


def translate_text(
    translator: Translator, read: list[Path], output: OutputOptions, partial: PartialOutput | None
) -> None:
    """Translate files, or standard input, as one text."""
    done = partial.done if partial else 0
    all_lines = (line for file in read for line in read_lines(file))
    left = join_paragraphs(all_lines) if output.paragraphs else all_lines
    skip_records(left, done)
    warnings = LineWarnings()
    with ExitStack() as stack:
        to = stack.enter_context(open_part(partial)) if partial else sys.stdout
        needs_progress = errors.is_terminal and not to.isatty()
        report = stack.enter_context(progress_bar(read, done)) if needs_progress else no_progress
        number = done
        chunks = in_chunks if are_files(read) else read_chunks
        for chunk in chunks(left, CHUNK_LINES, CHUNK_BYTES):
            for line in translate_lines(translator, output, chunk, number + 1):
                number += 1
                warnings.add(str(number), line.warnings)
                to.write(f"{line.text}\n")
            to.flush()
            report(number)
    if partial:
        partial.finish()
    warnings.print(number - done)


@contextmanager
def open_part(partial: PartialOutput) -> Iterator[TextIO]:
    """The open partial file; an interruption says how to resume it."""
    try:
        with partial.opened() as file:
            yield file
    except KeyboardInterrupt:
        print_message(
            f"stopped; {partial.paths.part} keeps what is translated: resume with the same command"
            " and --resume",
            "yellow",
        )
        raise


def format_of_input(
    files: list[Path] | None, form: Format, out: Path | None, is_by_line: bool
) -> Format:
    """Raises RegardError as `chosen_format`."""
    if not files and form == Format.auto:
        return Format.text
    from regard.cli.documents import chosen_format

    return Format(chosen_format(form, files or [STANDARD_INPUT], out, is_by_line))


def warn_of_subtitles(files: list[Path]) -> None:
    """Print a warning for each file of subtitles that is read as lines of text; pipes are not
    read. Raises RegardError if a file cannot be read."""
    for file in files:
        if file != STANDARD_INPUT and not file.is_fifo():
            first_lines = [decode_line(line) for line in islice(read_lines(file), FIRST_LINES)]
            print_warning(subtitle_warning(file, first_lines))


def are_files(files: list[Path]) -> bool:
    """Whether all input is in regular files, not from a terminal or a pipe."""
    return all(file != STANDARD_INPUT and file.is_file() for file in files)


def no_progress(done: int) -> None:
    """Ignore the progress: the results themselves are visible, or there is no terminal."""


def count_lines(files: list[Path]) -> int | None:
    """The number of lines in files; None for a pipe, whose length is unknown."""
    return sum(1 for file in files for _ in read_lines(file)) if are_files(files) else None


@contextmanager
def progress_bar(files: list[Path], done: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on the terminal that starts at `done` lines; yields the function to set it."""
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
    """Lists of `count` lines; of fewer if they are long: no line is added after `size` bytes."""
    chunk: list[bytes] = []
    total = 0
    for line in lines:
        chunk.append(line)
        total += len(line)
        if len(chunk) == count or total >= size:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk
