"""The table of formats of shards, by the end of a file's name."""

from pathlib import Path

from regard.shards.parquet import PARQUET_FORMAT
from regard.shards.shard import ShardFormat
from regard.shards.text import TEXT_FORMAT

SHARD_FORMATS: dict[str, ShardFormat] = {".parquet": PARQUET_FORMAT}
"""Files with another end are text. A new format is a module and a row here."""


def is_table(file: Path) -> bool:
    """Whether a file has columns."""
    return file.suffix in SHARD_FORMATS


def shard_format(file: Path) -> ShardFormat:
    return SHARD_FORMATS.get(file.suffix, TEXT_FORMAT)
