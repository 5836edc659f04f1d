"""`regard translate` for many files, tables and clusters: shards in, shards out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from regard import models
from regard.cli.common import errors, print_message, progress
from regard.cli.documents import format_by_name
from regard.cli.line_warnings import LineWarnings
from regard.errors import RegardError, needs_extra
from regard.shards.formats import is_table, shard_format
from regard.shards.partial_output import begin_folder, has_record, output_paths
from regard.shards.plan import (
    Destination,
    ends_as_folder,
    is_pattern,
    plan_shards,
    refuse_existing,
    refuse_replacing,
)
from regard.shards.run import (
    Begun,
    Listener,
    Pool,
    refuse_failures,
    translate_here,
    translate_shards,
)
from regard.shards.shard import Shard, content_fingerprint
from regard.shards.writing import OutputOptions, Request, WrittenLine
from regard.storage.model_file import is_file
from regard.translator import Translator

TEXT_FORM, AUTO_FORM = "text", "auto"
"""Of --format: what files without columns may be."""


class BulkOptions(NamedTuple):
    """Options of the command line that are about files."""

    out: str | None
    column: str
    target_column: str
    ray: str
    """The address of a cluster, `local` for one that is started, or "" for none."""
    resume: bool
    form: str
    """A format of the input, or auto."""


class Bulk(NamedTuple):
    """A planned bulk translation."""

    destination: Destination
    shards: list[Shard]
    """All of them."""
    left: list[Shard]
    """Those that are not complete."""


class Computing(NamedTuple):
    """Where translations are computed."""

    model: Path
    workers: int
    """Batches at a time, on each machine; 0 is one per core."""
    threads: int


def plan_bulk(
    files: Sequence[Path], options: BulkOptions, output: OutputOptions, model: Path
) -> Bulk:
    """Check all that can be checked before a model is loaded. Raises RegardError."""
    if options.ray:
        refuse_without_ray(model)
    destination = destination_of(files, options)
    template = Shard(Path(), Path(), options.column, options.target_column, output.paragraphs)
    shards = plan_shards(files, destination, template)
    tables = [shard.source for shard in shards if is_table(shard.source)]
    if tables:
        refuse_options_of_lines(options, output, tables[0])
    elif options.column or options.target_column:
        raise RegardError(
            "only a table has columns, and none of these files is one",
            str(shards[0].source),
            "leave --column and --target-column out, or give files that end in .parquet",
        )
    refuse_documents([shard.source for shard in shards if not is_table(shard.source)], options.form)
    refuse_replacing(shards)
    if not options.resume:
        refuse_existing(shards)
    left = [
        shard
        for shard in shards
        if not shard.out.is_file() or output_paths(shard.out).part.exists()
    ]
    for shard in left:
        shard_format(shard.source).check(shard)
    return Bulk(destination, shards, left)


def refuse_without_ray(model: Path) -> None:
    """Raises RegardError if Ray is not installed, or the model cannot be sent to other machines."""
    if find_spec("ray") is None:
        raise needs_extra("--ray", "Ray", "ray", ", or leave --ray out")
    path = models.find(model)
    if not is_file(path):
        raise RegardError(
            "--ray takes a model that is one file",
            str(path),
            "export the folder: regard export MODEL --out FILE.regard",
        )


def destination_of(files: Sequence[Path], options: BulkOptions) -> Destination:
    """Raises RegardError if there is no --out, or it is one file for several texts."""
    if options.out is None:
        raise RegardError(
            "many files, tables and --ray need an output",
            "the command line",
            "give --out FILE for one text, or --out FOLDER/ for several",
        )
    path = Path(options.out)
    is_folder = (
        ends_as_folder(options.out)
        or any(is_pattern(file) for file in files)
        or (len(files) > 1 and any(is_table(file) for file in files))
        or path.is_dir()
    )
    if len(files) > 1 and not is_folder:
        raise RegardError(
            f"{len(files)} texts in one file are not written on Ray",
            f"--out {options.out}",
            f"give a folder: --out {options.out}/",
        )
    return Destination(path, is_folder)


def refuse_options_of_lines(options: BulkOptions, output: OutputOptions, table: Path) -> None:
    """Raises RegardError if a column is not named, or an option was given that tables do not
    have."""
    for name, value in (("--column", options.column), ("--target-column", options.target_column)):
        if not value:
            raise RegardError(
                f"a table needs {name}",
                str(table),
                "name the column with the text, and the new one: --column en --target-column fr",
            )
    for name, is_given in (
        ("--n-best", output.n_best > 1),
        ("--json", output.as_json),
        ("--align", output.align),
        ("--paragraphs", output.paragraphs),
    ):
        if is_given:
            raise RegardError(
                "this option is for lines of text, not for tables", name, "leave it out"
            )


def refuse_documents(files: Sequence[Path], form: str) -> None:
    """Raises RegardError if these are documents, by their names or by --format."""
    for file in files:
        own = format_by_name(file) if form == AUTO_FORM else form
        if own != TEXT_FORM:
            raise RegardError(
                f"documents ({own}) are not translated with others, nor on Ray",
                str(file),
                "translate it by itself, or add --format text to translate its lines",
            )


def translate_bulk(
    bulk: Bulk, translator: Translator, request: Request, options: BulkOptions, computing: Computing
) -> None:
    """Translate what is left. Raises RegardError if some of it could not be translated."""
    command = {
        "model": content_fingerprint(models.find(computing.model)),
        **request.output._asdict(),
        "beam": request.beam,
        "shortlist": request.shortlist,
        "column": options.column,
        "target_column": options.target_column,
    }
    folder = bulk.destination.path
    record = None
    if bulk.destination.is_folder and (bulk.left or has_record(folder)):
        record = begin_folder(folder, command, options.resume)
    try:
        if bulk.left:
            pool = pool_of(translator, request, options, computing)
            run_bulk(bulk, pool, command, request, options)
        else:
            print_message(complete_message(bulk))
    except KeyboardInterrupt:
        print_message(
            "stopped; what is translated is kept: resume with the same command and --resume",
            "yellow",
        )
        raise
    finally:
        if record:
            record.command_file.close()
    if record:
        record.release()


def complete_message(bulk: Bulk) -> str:
    """One line that says that nothing is left."""
    count, out = len(bulk.shards), bulk.destination.path
    named = f"{out} is" if count == 1 else f"all {count:,} files in {out} are"
    return f"{named} complete already; remove what to translate again"


def pool_of(
    translator: Translator, request: Request, options: BulkOptions, computing: Computing
) -> Pool:
    """How chunks are translated: in this process, or on a cluster."""
    if not options.ray:
        return translate_here(translator, request.output)
    from regard.cluster.pool import NodeModel, RayPool

    content = models.find(computing.model).read_bytes()
    model = NodeModel(content, request, computing.workers, computing.threads)
    return RayPool(model, options.ray, print_message).translate


def run_bulk(
    bulk: Bulk,
    pool: Pool,
    command: Mapping[str, object],
    request: Request,
    options: BulkOptions,
) -> None:
    """Raises RegardError if a shard could not be translated."""
    output = request.output
    begun = Begun(command, options.resume, output.n_best > 1 and not output.as_json)
    counts, warnings = Counter[str](), LineWarnings()
    total = (
        sum(shard_format(shard.source).count(shard) for shard in bulk.left)
        if (errors.is_terminal)
        else 0
    )

    with progress("translating", total) as report:

        def advance(records: int) -> None:
            counts["records"] += records
            report(counts["records"])

        def add(shard: Shard, number: int, line: WrittenLine) -> None:
            counts["lines"] += 1
            if line.warnings:
                name = str(number) if len(bulk.shards) == 1 else f"{number} of {shard.source}"
                warnings.add(name, line.warnings)

        failures = translate_shards(bulk.left, pool, begun, Listener(advance, add))
    warnings.print(counts["lines"])
    before = len(bulk.shards) - len(bulk.left)
    if before:
        print_message(f"{before:,} of {len(bulk.shards):,} files were complete already")
    refuse_failures(failures, len(bulk.shards))
