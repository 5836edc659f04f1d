"""Columns of Parquet, of Arrow, and of folders that `datasets` saved, by the library pyarrow."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, product
from pathlib import Path
from typing import Any, NamedTuple

from regard.data.formats.jsonl import key_of
from regard.data.formats.lines import COMPRESSIONS, open_bytes
from regard.data.formats.pair import NOT_A_PAIR, PairStream, UnreadableLine, make_pair
from regard.errors import RegardError, needs_extra
from regard.text.languages import Languages

BATCH_ROWS = 4096
"""Rows of which the texts are in memory at a time."""
PAGE_BYTES = 1 << 20
"""Of a column of Parquet that are read from disk at a time."""
FILE_MARK, FEATHER_1_MARK = b"ARROW1", b"FEA1"
"""The first bytes of an Arrow file, which has an index, and of its predecessor. A stream has none.
"""
NESTED = "translation"
"""The column of structs in which `datasets` keeps a text in several languages."""
DATASET_INFO, DATASET_STATE, DATASET_SPLITS = "dataset_info.json", "state.json", "dataset_dict.json"
"""The files of a saved dataset, and of a folder with several of them."""

Batches = Iterator[Any]
"""Record batches of the columns that were chosen."""


class ArrowSource(NamedTuple):
    """An opened table."""

    schema: Any
    batches: Callable[[list[str]], Batches]
    """Reads these columns of it."""


class TextColumns(NamedTuple):
    """Where the texts are: two columns, or two fields of one column."""

    nested_in: str
    """The column of structs; empty if the texts have columns of their own."""
    source: str
    target: str

    @property
    def names(self) -> list[str]:
        """The columns to read."""
        return [self.nested_in] if self.nested_in else [self.source, self.target]


def read_parquet(file: Path, languages: Languages) -> PairStream:
    """The pair in each row of a Parquet file, row group by row group."""
    return read_table(open_parquet, file, languages)


def read_arrow(file: Path, languages: Languages) -> PairStream:
    """The pair in each row of an Arrow file or stream, record batch by record batch."""
    return read_table(open_arrow, file, languages)


def read_dataset(folder: Path, languages: Languages) -> PairStream:
    """The pair in each row of a dataset that `save_to_disk` of the library `datasets` wrote."""
    files = dataset_files(folder)
    return read_table(lambda _: open_all(files), folder, languages)


def read_table(
    open_source: Callable[[Path], ArrowSource], file: Path, languages: Languages
) -> PairStream:
    """The pair in each row; its number is that of the row, from 1.

    Raises RegardError if the file cannot be read, is damaged or empty, or its columns do not tell
    which of them are the two texts.
    """
    numbers = count(1)
    with refuse_damage(file):
        source = open_source(file)
        columns = choose_text_columns(source.schema, languages, file)
        for batch in source.batches(columns.names):
            for part in parts_of(batch):
                texts = (side.to_pylist() for side in text_arrays(part, columns))
                for pair in zip(*texts, strict=True):
                    if None in pair:
                        yield UnreadableLine(next(numbers), NOT_A_PAIR)
                    else:
                        yield make_pair(next(numbers), *pair)
    if next(numbers) == 1:
        raise RegardError("the table has no rows", str(file), "give a table with a pair in each")


def import_pyarrow() -> Any:
    """The module pyarrow. Raises RegardError if it is not installed."""
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise needs_extra("reading Parquet and Arrow", error.name, "formats") from error
    return pyarrow


@contextmanager
def refuse_damage(file: Path) -> Iterator[None]:
    """Raises RegardError for what pyarrow raises."""
    pyarrow = import_pyarrow()
    try:
        yield
    except (pyarrow.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise RegardError(
            f"the file is damaged, or its content does not match its name: {reason}",
            str(file),
            "write or download it again",
        ) from error


def open_parquet(file: Path) -> ArrowSource:
    from pyarrow import parquet

    refuse_compressed(file)
    opened = parquet.ParquetFile(file, buffer_size=PAGE_BYTES, pre_buffer=False)

    def batches(names: list[str]) -> Batches:
        yield from opened.iter_batches(BATCH_ROWS, columns=names, use_threads=False)
        opened.close()

    return ArrowSource(opened.schema_arrow, batches)


def open_arrow(file: Path) -> ArrowSource:
    pyarrow = import_pyarrow()
    refuse_compressed(file)
    with open_bytes(file) as stream:
        begin = stream.read(len(FILE_MARK))
    if begin.startswith(FEATHER_1_MARK):
        raise RegardError(
            "the file is Feather of version 1",
            str(file),
            "write it again with pyarrow.feather.write_feather",
        )
    mapped = pyarrow.memory_map(str(file))
    if begin != FILE_MARK:
        opened = pyarrow.ipc.open_stream(mapped)
        return ArrowSource(opened.schema, lambda names: (batch.select(names) for batch in opened))
    indexed = pyarrow.ipc.open_file(mapped)

    def batches(names: list[str]) -> Batches:
        for index in range(indexed.num_record_batches):
            yield indexed.get_batch(index).select(names)

    return ArrowSource(indexed.schema, batches)


def open_all(files: list[Path]) -> ArrowSource:
    """The rows of several Arrow files, in order."""
    schema = open_arrow(files[0]).schema

    def batches(names: list[str]) -> Batches:
        for file in files:
            opened = open_arrow(file)
            if not set(names) <= set(opened.schema.names):
                raise EOFError(f"{file.name} has other columns than {files[0].name}")
            yield from opened.batches(names)

    return ArrowSource(schema, batches)


def refuse_compressed(file: Path) -> None:
    """Raises RegardError if the file is compressed as a whole, or cannot be opened."""
    if file.suffix in COMPRESSIONS:
        raise RegardError(
            "Parquet and Arrow are not read from a compressed file",
            str(file),
            "decompress it first; both can be compressed inside",
        )
    open_bytes(file).close()


def dataset_files(folder: Path) -> list[Path]:
    """The Arrow files of a saved dataset, in its order.

    Raises RegardError if the folder holds none, or several datasets.
    """
    if (folder / DATASET_SPLITS).is_file():
        datasets = sorted(each.parent for each in folder.glob(f"*/{DATASET_INFO}"))
        raise RegardError(
            f"the folder holds several datasets: {', '.join(each.name for each in datasets)}",
            str(folder),
            f"give one of them, such as {(datasets or [folder / 'train'])[0]}",
        )
    if not (folder / DATASET_INFO).is_file():
        raise RegardError(
            f"the folder holds no dataset: there is no {DATASET_INFO}",
            str(folder),
            "give a folder that save_to_disk of the library datasets wrote, or text files",
        )
    try:
        state = json.loads((folder / DATASET_STATE).read_text(encoding="utf-8"))
        names = [str(part["filename"]) for part in state["_data_files"]]
        is_reordered = bool(state.get("_indices_data_files"))
    except FileNotFoundError:
        names, is_reordered = sorted(file.name for file in folder.glob("*.arrow")), False
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise RegardError(
            f"{DATASET_STATE} is damaged", str(folder), "save the dataset again"
        ) from error
    if is_reordered or not names or any(Path(name).name != name for name in names):
        raise RegardError(
            "the dataset's rows are not in its own Arrow files in their order",
            str(folder / DATASET_STATE),
            "save it again, after flatten_indices()",
        )
    return [folder / name for name in names]


def choose_text_columns(schema: Any, languages: Languages, file: Path) -> TextColumns:
    """The columns source and target, or those of the two languages; or such fields of the column
    translation. Raises RegardError if there are none, or if they hold no text."""
    fields = {field.name: field.type for field in schema}
    if len(fields) < len(schema.names):
        name = next(name for name in schema.names if schema.names.count(name) > 1)
        raise RegardError(
            f"the table has two columns called {name}", str(file), "give each its own name"
        )
    nested = fields.get(NESTED)
    inner = {}
    if nested is not None and nested.id == import_pyarrow().struct([]).id:
        inner = {nested.field(i).name: nested.field(i).type for i in range(nested.num_fields)}
    for keys, (holder, types) in product(
        (("source", "target"), languages), (("", fields), (NESTED, inner))
    ):
        source, target = (key_of(types, key) for key in keys)
        if source is None or target is None:
            continue
        for name in (source, target):
            if not is_text_type(types[name]):
                raise RegardError(
                    f"the column {name} holds no text: its type is {types[name]}",
                    str(file),
                    "give a table with a text in each language",
                )
        return TextColumns(holder, source, target)
    names = [*fields, *(f"{NESTED}.{name}" for name in inner)]
    raise RegardError(
        f"none of the columns are those of {languages[0]} and {languages[1]}",
        f"{file}, with {', '.join(names[:12]) or 'no columns'}",
        f"name two columns source and target, or {languages[0]} and {languages[1]}",
    )


def is_text_type(column_type: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(column_type):
        column_type = column_type.value_type
    return bool(
        types.is_string(column_type)
        or types.is_large_string(column_type)
        or types.is_string_view(column_type)
    )


def parts_of(batch: Any) -> Iterator[Any]:
    """A batch in parts of `BATCH_ROWS`, without copying."""
    return (batch.slice(begin, BATCH_ROWS) for begin in range(0, batch.num_rows, BATCH_ROWS))


def text_arrays(batch: Any, columns: TextColumns) -> list[Any]:
    """The texts of both sides as bytes, which need not be UTF-8; None where there is none."""
    if not columns.nested_in:
        return [text_bytes(batch.column(name)) for name in (columns.source, columns.target)]
    structs = batch.column(columns.nested_in)
    structs.validate()
    # flatten() has no text where the struct itself is missing
    fields = dict(zip([field.name for field in structs.type], structs.flatten(), strict=True))
    return [text_bytes(fields[name]) for name in (columns.source, columns.target)]


def text_bytes(column: Any) -> Any:
    """A column of text as one of bytes, whose offsets are inside of its data.

    Raises ArrowInvalid if they are not.
    """
    pyarrow = import_pyarrow()
    column.validate()
    if pyarrow.types.is_dictionary(column.type):
        column.validate(full=True)
        column = column.dictionary_decode()
    if pyarrow.types.is_string_view(column.type):
        column = column.cast(pyarrow.binary_view())
    elif pyarrow.types.is_large_string(column.type):
        column = column.cast(pyarrow.large_binary())
    else:
        column = column.cast(pyarrow.binary())
    column.validate(full=True)
    return column
