"""Translate shards: read ahead, have chunks of lines translated anywhere, write in order, resume.

Only this process reads and writes files. A pool that translates chunks may lose or repeat work as
it likes: an entry is written once, and each shard appears under its name when it is complete.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import IO, NamedTuple

from regard.errors import RegardError, refuse_system_error
from regard.shards import partial_output
from regard.shards.formats import shard_format
from regard.shards.partial_output import PartialOutput, output_paths
from regard.shards.shard import Record, Shard, content_fingerprint
from regard.shards.writing import OutputOptions, WrittenLine, translate_lines
from regard.translator import Translator

RECORDS_OF_CHUNK = 1024
"""At most so many records are translated together."""
BYTES_OF_CHUNK = 2**22
"""No further record is added to a chunk of this size."""


class LineChunk(NamedTuple):
    """Lines that are translated together."""

    origin: str
    """The file that they are from, for messages."""
    first: int
    """The number of the first record, from 1."""
    lines: list[bytes]


class Lost(NamedTuple):
    """A chunk that could not be translated."""

    error: RegardError


ChunkOutcome = list[WrittenLine] | Lost
Pool = Callable[[Iterator[LineChunk]], Generator[ChunkOutcome, None, None]]
"""Translates chunks; the outcomes are in the order of the chunks. It reads a bounded number of
chunks ahead."""


class Failure(NamedTuple):
    """A shard that was not translated, and why."""

    shard: Shard
    error: RegardError


class Begun(NamedTuple):
    """What a run needs to begin or resume the output of a shard."""

    command: Mapping[str, object]
    """What a resumed run must have in common with the first one, apart from the text."""
    resume: bool
    is_numbered: bool
    """Whether entries are several lines that begin with the number of the record (--n-best)."""


class Listener(NamedTuple):
    """What a run reports."""

    progress: Callable[[int], None]
    """Called with how many more records are translated."""
    line: Callable[[Shard, int, WrittenLine], None]
    """Called with each translated line and the number of its record."""


def translate_here(translator: Translator, output: OutputOptions) -> Pool:
    """A pool that translates in this process."""

    def translate(chunks: Iterator[LineChunk]) -> Generator[ChunkOutcome, None, None]:
        for chunk in chunks:
            yield (
                translate_lines(translator, output, chunk.lines, chunk.first) if chunk.lines else []
            )

    return translate


def translate_shards(
    shards: Sequence[Shard], pool: Pool, begun: Begun, listener: Listener
) -> list[Failure]:
    """Translate shards, one after the other; returns those that failed.

    A shard fails, and the others go on, if its file cannot be read, its output cannot be resumed,
    or a chunk of it is lost. What is translated of it stays in its partial file.
    Raises RegardError if an output cannot be written.
    """
    reader = ShardReader(shards, begun, listener)
    try:
        with closing(pool(reader.chunks())) as outcomes:
            for outcome in outcomes:
                piece = reader.pieces.popleft()
                piece.writer.add(piece, outcome)
                if piece.is_last:
                    del reader.writers[piece.writer]
    finally:
        reader.close()
    return reader.failures


class AwaitedChunk(NamedTuple):
    """A chunk on its way through the pool."""

    writer: "ShardWriter"
    first: int
    records: list[Record]
    is_last: bool
    """The last piece of a shard has no records."""


class ShardReader:
    """Reads shards as chunks, and keeps the pieces whose outcome is awaited."""

    def __init__(self, shards: Sequence[Shard], begun: Begun, listener: Listener) -> None:
        self.shards, self.begun, self.listener = shards, begun, listener
        self.pieces: deque[AwaitedChunk] = deque()
        self.writers: dict[ShardWriter, None] = {}
        """Those whose last piece was not written yet."""
        self.failures: list[Failure] = []

    def chunks(self) -> Iterator[LineChunk]:
        for shard in self.shards:
            try:
                partial = begin_shard(shard, self.begun)
            except RegardError as error:
                self.failures.append(Failure(shard, error))
                continue
            if partial is None:
                continue
            writer = ShardWriter(shard, partial, self.listener, self.failures)
            self.writers[writer] = None
            number = partial.done + 1
            try:
                for records in self.records(shard, partial.done):
                    if writer.is_lost:
                        break
                    self.pieces.append(AwaitedChunk(writer, number, records, False))
                    lines = [line for record in records for line in record.lines]
                    yield LineChunk(str(shard.source), number, lines)
                    number += len(records)
            except RegardError as error:
                writer.reading_error = error
            self.pieces.append(AwaitedChunk(writer, number, [], True))
            yield LineChunk(str(shard.source), number, [])

    def records(self, shard: Shard, done: int) -> Iterator[list[Record]]:
        """The records after the first `done`, in lists. Raises RegardError if there are fewer."""
        records = shard_format(shard.source).read(shard)
        partial_output.skip_records(records, done, str(shard.source))
        chunk: list[Record] = []
        size = 0
        for record in records:
            chunk.append(record)
            size += sum(map(len, record.lines))
            if len(chunk) == RECORDS_OF_CHUNK or size >= BYTES_OF_CHUNK:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def close(self) -> None:
        """Close the files that are open still, after an interruption."""
        for writer in self.writers:
            writer.close()


def begin_shard(shard: Shard, begun: Begun) -> PartialOutput | None:
    """Begin or resume the output of a shard; None if it is complete.

    Raises RegardError as `partial_output.begin` and `partial_output.resume`.
    """
    paths = output_paths(shard.out)
    if begun.resume and shard.out.is_file() and not paths.part.exists():
        return None
    try:
        shard.out.parent.mkdir(parents=True, exist_ok=True)
        if (
            begun.resume
            and paths.part.is_file()
            and shard_format(shard.source).is_complete(paths.part)
        ):
            PartialOutput(paths, partial_output.lock_output(paths), 0).finish()
            return None
    except OSError as error:
        refuse_system_error(error, "write", str(shard.out))
    command = {**begun.command, "text": [content_fingerprint(shard.source)]}
    if begun.resume:
        return partial_output.resume(shard.out, command, begun.is_numbered)
    return partial_output.begin(shard.out, command)


@dataclass(eq=False)
class ShardWriter:
    """Writes the entries of one shard."""

    shard: Shard
    partial: PartialOutput
    listener: Listener
    failures: list[Failure]
    reading_error: RegardError | None = None
    """Raised when the shard was read, after the pieces that were read before."""
    is_lost: bool = False
    """Whether a piece is lost, so that nothing after it can be written."""
    file: IO[str] | None = None

    def add(self, piece: AwaitedChunk, outcome: ChunkOutcome) -> None:
        """Write a piece; the last one completes the shard. Raises RegardError if it cannot be
        written."""
        if isinstance(outcome, Lost):
            if not self.is_lost:
                self.failures.append(Failure(self.shard, outcome.error))
            self.is_lost = True
        elif not self.is_lost and piece.records:
            self.write(piece, outcome)
        if piece.is_last:
            self.end()

    def write(self, piece: AwaitedChunk, written: list[WrittenLine]) -> None:
        entry, lines = shard_format(self.shard.source).entry, iter(written)
        entries = []
        for number, record in enumerate(piece.records, piece.first):
            own = list(islice(lines, len(record.lines)))
            for line in own:
                self.listener.line(self.shard, number, line)
            entries.append(entry(record, [line.text for line in own]))
        try:
            if self.file is None:
                self.file = self.open()
            self.file.write("".join(entries))
            self.file.flush()
        except OSError as error:
            refuse_system_error(error, "write", str(self.partial.paths.part))
        self.listener.progress(len(piece.records))

    def open(self) -> IO[str]:
        return self.partial.paths.part.open("a", encoding="utf-8", newline="\n")

    def end(self) -> None:
        """Complete the shard if all of it was read and translated."""
        try:
            if self.file is None and not self.is_lost:
                self.open().close()  # a shard without records has an empty file of entries
        except OSError as error:
            refuse_system_error(error, "write", str(self.partial.paths.part))
        cause = self.reading_error
        if cause is None and not self.is_lost:
            cause = self.complete()
        if cause is not None and not self.is_lost:
            self.failures.append(Failure(self.shard, cause))
        if cause is not None or self.is_lost:
            self.partial.remove_if_empty()
        self.close()

    def complete(self) -> RegardError | None:
        """Name the output; returns why that failed: the source cannot be read any more, or the
        output cannot be written."""
        if self.file is not None:
            self.file.close()
        try:
            shard_format(self.shard.source).complete(self.shard, self.partial.paths.part)
            self.partial.finish()
        except RegardError as error:
            return error
        return None

    def close(self) -> None:
        """Close the partial file and its record, which other runs may continue then."""
        if self.file is not None:
            self.file.close()
        self.partial.command_file.close()


def refuse_failures(failures: Sequence[Failure], total: int) -> None:
    """Raises RegardError if shards were not translated: of a single one its own error."""
    if not failures:
        return
    if len(failures) == total == 1:
        raise failures[0].error
    first = failures[0]
    raise RegardError(
        f"{len(failures):,} of {total:,} files could not be translated, among them"
        f" {first.shard.source}: {first.error.what}",
        ", ".join(str(failure.shard.source) for failure in failures[:5])
        + (" and others" if len(failures) > 5 else ""),
        f"all others are complete; {first.error.to_do}, then run the same command with --resume",
    )
