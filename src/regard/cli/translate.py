"""regard translate"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from regard import models
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
    with_beam,
)
from regard.cli.line_reader import read_chunks
from regard.cli.partial_output import begin as begin_part
from regard.cli.partial_output import output_paths, skip_lines
from regard.cli.partial_output import resume as resume_part
from regard.cli.translated_lines import LineWarnings, OutputOptions, json_line, text_lines
from regard.config import TextOptions
from regard.data.formats.kinds import subtitle_warning
from regard.data.formats.lines import (
    STANDARD_INPUT,
    decode_line,
    read_lines,
)
from regard.errors import RegardError
from regard.files import file_digest
from regard.loading import load
from regard.storage import folder as checkpoint
from regard.system import release_freed_memory
from regard.text.layout import translatable_spans
from regard.translation import Translation
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


Stage = StrEnum("Stage", list(TextOptions.model_fields))  # type: ignore[misc]
"""The stages of text that --without names."""


def translate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE ...]",
            help="Text files, of which a line may hold several sentences, or a document. Without a"
            " file, or with -, standard input is read.",
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
        Path | None,
        typer.Option(help="Write to this new file. Until it is complete it is called FILE.part."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue an interrupted --out. Refuses another model, input or option. Piped"
            " input cannot be checked: pipe in the same text.",
        ),
    ] = False,
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
    """
    use_utf8()
    if resume and out is None:
        raise RegardError("--resume needs an output file", "--resume", "give --out FILE")
    read = files or [STANDARD_INPUT]
    refuse_stdin_twice(read)
    chosen = format_of_input(files, form, out, lines or as_json)
    warn_of_subtitles(read if chosen == Format.text else [])
    announce_default_model(model)
    release_freed_memory()
    translator = load(model, device=device, workers=workers, threads=threads)
    if shortlist:
        translator = translator.with_shortlist()
    if align:
        print_warning(head_warning(translator))
    size = max(beam or translator.options.beam, n_best)
    translator = with_beam(translator, size)
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
    translator = with_stages(translator, output)
    if out is not None and resume and out.is_file() and not output_paths(out).part.exists():
        print_message(f"{out} is complete already; remove it to translate again")
        return
    if chosen != Format.text:
        from regard.cli.documents import MarkupOutput, translate_documents

        refuse_text_options(output, resume)
        translate_documents(translator, read, MarkupOutput(chosen, lines, as_json, out))
        return
    partial = None
    if out is not None:
        command = {
            "model": content_fingerprint(models.find(model)),
            "text": [content_fingerprint(file) for file in read],
            **output._asdict(),
            "beam": size,
            "shortlist": shortlist,
        }
        is_numbered = n_best > 1 and not as_json
        partial = resume_part(out, command, is_numbered) if resume else begin_part(out, command)
    done = partial.done if partial else 0
    all_lines = (line for file in read for line in read_lines(file))
    left = skip_lines(join_paragraphs(all_lines) if paragraphs else all_lines, done)
    warnings = LineWarnings()
    with ExitStack() as stack:
        to = stack.enter_context(partial.opened()) if partial else sys.stdout
        needs_progress = errors.is_terminal and not to.isatty()
        report = stack.enter_context(progress_bar(read, done)) if needs_progress else no_progress
        number = done
        chunks = in_chunks if are_files(read) else read_chunks
        for chunk in chunks(left, CHUNK_LINES, CHUNK_BYTES):
            texts = [line.decode("utf-8", errors="replace") for line in chunk]
            for line, best in zip(chunk, translate_chunk(translator, texts, output), strict=True):
                number += 1
                warnings.add(number, line, best[0])
                to.write(json_line(best, align) if as_json else text_lines(best, output, number))
            to.flush()
            report(number)
    if partial:
        partial.finish()
    warnings.print(number - done)


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


def refuse_text_options(output: OutputOptions, resume: bool) -> None:
    """Raises RegardError if an option was given that documents do not have."""
    for name, is_given in (
        ("--n-best", output.n_best > 1),
        ("--prefix", output.prefix),
        ("--align", output.align),
        ("--paragraphs", output.paragraphs),
        ("--resume", resume),
    ):
        if is_given:
            raise RegardError(
                "this option is for lines of text alone",
                name,
                "leave it out, or add --format text",
            )


def with_stages(translator: Translator, output: OutputOptions) -> Translator:
    """The translator with the stages of text that were asked for."""
    switched_off = dict.fromkeys(output.without, False)
    options = translator.pipeline.options.model_copy(update=switched_off)
    translator = translator.with_text_options(options).with_tag(output.tag)
    return translator.protecting(output.protect) if output.protect else translator


def join_paragraphs(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of each paragraph as one line, and the empty lines between them.

    A line with indentation or a list mark begins a paragraph.
    """
    paragraph: list[bytes] = []
    for line in lines:
        text = line.decode("utf-8", errors="replace")
        pieces = translatable_spans(text)
        if paragraph and (not pieces or pieces[0].start):
            yield b" ".join(paragraph)
            paragraph = []
        if pieces:
            paragraph.append(line)
        else:
            yield line
    if paragraph:
        yield b" ".join(paragraph)


def content_fingerprint(file: Path) -> str:
    """The name and the digests of a text or a model; equal for copies in other folders."""
    if file == STANDARD_INPUT:
        return str(file)
    parts = checkpoint.model_files(file) if file.is_dir() else [file]
    digests = [file_digest(part) for part in parts if part.is_file()]
    return " ".join([file.name, *digests]) if digests else str(file)


def translate_chunk(
    translator: Translator, lines: list[str], output: OutputOptions
) -> list[list[Translation]]:
    """The best translations of each line."""
    if not output.no_sentence_splitting:
        n_best = [[translation] for translation in translator.translate(lines)]
    elif output.prefix:
        n_best = translator.translate_with_prefix(lines, output.prefix)
    else:
        n_best = translator.n_best(lines)
    n_best = [best[: output.n_best] for best in n_best]
    if output.align:
        translator.align([each for best in n_best for each in best])
    return n_best


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
