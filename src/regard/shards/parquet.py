"""Shards of Parquet: a record is a cell of the column with the text; one column is added.

At most a row group is in memory, and of a large one a slice.
"""

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from regard.data.formats.arrow import is_text_type
from regard.data.formats.lines import truncate_utf8
from regard.errors import RegardError, needs_extra, refuse_system_error
from regard.shards.shard import Record, Shard, ShardFormat

MAGIC = b"PAR1"
"""The first bytes of a Parquet file; no entry begins so."""
SLICE_BYTES = 2**26
"""Of a row group that is larger, about so many bytes are read at a time."""
READ_ROWS = 1024
"""At most so many cells of the text are read at a time."""
NO_VALUE = Record((), ())
WRITTEN_COMPRESSIONS = {
    "UNCOMPRESSED": "NONE",
    **{name: name for name in ("SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4")},
}
"""The writer's name of a compression, by that in the metadata of a file."""


def opened_table(file: Path) -> Any:
    """A pyarrow ParquetFile.

    Raises RegardError if pyarrow is not installed, or the file cannot be read or is damaged.
    """
    if find_spec("pyarrow") is None:
        raise needs_extra("a Parquet file", "pyarrow", "formats")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise parquet_error(error, file) from error


def parquet_error(error: Exception, file: Path) -> RegardError:
    """The error for what pyarrow raised while it read a file."""
    if isinstance(error, OSError) and error.errno:
        try:
            refuse_system_error(error, "read a file", str(file))
        except RegardError as system_error:
            return system_error
    reason = str(error).split("\n", maxsplit=1)[0].rstrip(".")
    return RegardError(
        f"the file is damaged, encrypted, or not Parquet: {reason}",
        str(file),
        "write it again, or leave it out",
    )


def check_parquet(shard: Shard) -> None:
    """Raises RegardError if the column with the text is not there or holds none, or if the file
    has one with the name of the translation."""
    with opened_table(shard.source) as opened:
        schema = opened.schema_arrow
    names = ", ".join(schema.names)
    where = f"{shard.source}, with the columns {names}"
    if shard.column not in schema.names:
        raise RegardError(
            f"there is no column '{shard.column}'", where, "give one of these with --column"
        )
    if schema.names.count(shard.column) > 1:
        raise RegardError(f"two columns are named '{shard.column}'", where, "rename one of the two")
    if shard.target_column in schema.names:
        raise RegardError(
            f"there is a column '{shard.target_column}' already",
            where,
            "give another name with --target-column",
        )
    kind = schema.field(shard.column).type
    if not holds_text(kind):
        raise RegardError(
            f"the column '{shard.column}' holds {kind}, not text",
            str(shard.source),
            "give a column of strings with --column",
        )


def holds_text(kind: Any) -> bool:
    """Whether cells of this type are texts, or have no value."""
    import pyarrow as pa

    return bool(pa.types.is_null(kind)) or is_text_type(kind)


def read_cells(shard: Shard) -> Iterator[Record]:
    """The cells of the column with the text."""
    import pyarrow as pa

    check_parquet(shard)
    with opened_table(shard.source) as opened:
        size = column_bytes(opened.metadata, shard.column)
        rows = slice_rows(opened.metadata.num_rows, size, READ_ROWS)
        try:
            for batch in opened.iter_batches(batch_size=rows, columns=[shard.column]):
                column = batch.column(batch.schema.names.index(shard.column))
                # as bytes: a file may hold strings that are not UTF-8
                for cell in column.cast(pa.large_string()).cast(pa.large_binary()).to_pylist():
                    yield NO_VALUE if cell is None else record_of_cell(cell)
        except (OSError, pa.ArrowException) as error:
            raise parquet_error(error, shard.source) from error


def record_of_cell(cell: bytes) -> Record:
    """A cell is translated line by line, as a text is."""
    if b"\n" not in cell and not cell.endswith(b"\r"):
        return Record((truncate_utf8(cell),))
    lines, ends = [], []
    for line in cell.split(b"\n"):
        content = line.removesuffix(b"\r")
        lines.append(truncate_utf8(content))
        ends.append("\r\n" if content != line else "\n")
    ends[-1] = ends[-1].removesuffix("\n")
    return Record(tuple(lines), tuple(ends))


def slice_rows(rows: int, size: int, most: int) -> int:
    """Of `rows` with `size` bytes, how many to hold: `most`, or fewer with about SLICE_BYTES."""
    return max(1, min(most, rows * SLICE_BYTES // max(size, 1))) if rows else 1


def column_bytes(metadata: Any, column: str) -> int:
    """The size of a column, uncompressed."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    parts = (group.column(number) for group in groups for number in range(group.num_columns))
    return sum(part.total_uncompressed_size for part in parts if part.path_in_schema == column)


def count_rows(shard: Shard) -> int:
    with opened_table(shard.source) as opened:
        return int(opened.metadata.num_rows)


def cell_entry(record: Record, translations: Sequence[str]) -> str:
    """The translated cell as JSON."""
    if not record.lines:
        return "null\n"
    parts = (text + end for text, end in zip(translations, record.ends, strict=True))
    return json.dumps("".join(parts), ensure_ascii=False) + "\n"


def add_column(shard: Shard, part: Path) -> None:
    """Replace a file of entries by the source with one more column.

    Row groups stay as they are, except that those of more than SLICE_BYTES are divided. Raises
    RegardError if the source cannot be read, or has another number of rows than entries.
    """
    import pyarrow as pa

    temporary = part.with_name(f"{part.name}.columns")
    try:
        with opened_table(shard.source) as opened, part.open("rb") as entries:
            write_columns(opened, map(json.loads, entries), shard, temporary)
        temporary.replace(part)
    except pa.ArrowException as error:
        raise parquet_error(error, shard.source) from error
    except OSError as error:
        if error.errno is None:
            raise parquet_error(error, shard.source) from error
        refuse_system_error(error, "write", str(temporary))
    finally:
        temporary.unlink(missing_ok=True)


def write_columns(
    opened: Any, translations: Iterator[str | None], shard: Shard, file: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, metadata = opened.schema_arrow, opened.metadata
    kind = schema.field(shard.column).type
    kind = pa.large_string() if str(kind) == "large_string" else pa.string()
    extended = schema.append(pa.field(shard.target_column, kind))
    with pq.ParquetWriter(file, extended, compression=compressions(metadata, shard)) as writer:
        if not metadata.num_rows:
            writer.write_table(extended.empty_table())
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            rows = slice_rows(group.num_rows, group.total_byte_size, max(group.num_rows, 1))
            for batch in opened.iter_batches(batch_size=rows, row_groups=[number]):
                texts = [text for _, text in zip(range(batch.num_rows), translations, strict=False)]
                if len(texts) < batch.num_rows:
                    raise changed_error(shard)
                columns = [*batch.columns, pa.array(texts, kind)]
                writer.write_batch(pa.record_batch(columns, schema=extended))
        if next(translations, shard) is not shard:
            raise changed_error(shard)


def changed_error(shard: Shard) -> RegardError:
    return RegardError(
        "the file has changed since its translation began",
        str(shard.source),
        f"remove {shard.out.name}.part to begin again",
    )


def compressions(metadata: Any, shard: Shard) -> dict[str, str] | str:
    """The compression of each column, as the source has it; the new one has that of the text."""
    if not metadata.num_row_groups:
        return "SNAPPY"
    group = metadata.row_group(0)
    by_path = {}
    for number in range(group.num_columns):
        column = group.column(number)
        by_path[column.path_in_schema] = WRITTEN_COMPRESSIONS.get(column.compression, "ZSTD")
    return by_path | {shard.target_column: by_path.get(shard.column, "SNAPPY")}


def begins_as_parquet(part: Path) -> bool:
    with part.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


PARQUET_FORMAT = ShardFormat(
    check_parquet, read_cells, count_rows, cell_entry, add_column, begins_as_parquet
)
