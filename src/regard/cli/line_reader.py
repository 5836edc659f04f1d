"""Reading lines from a file, or from a program that may wait for each answer."""

from collections.abc import Iterable, Iterator
from threading import Condition, Thread

PAUSE_SECONDS = 0.02
"""If no further line arrives within this time, the lines received so far are returned."""


class LineReader:
    """Reads lines in a thread, because reading blocks.

    It holds at most `count` lines, and reads no further line once they have `size` bytes.
    """

    def __init__(self, lines: Iterable[bytes], count: int, size: int) -> None:
        self.lines, self.count, self.size = lines, count, size
        self.received: list[bytes] = []
        self.bytes = 0
        self.is_over = False
        self.error: Exception | None = None
        self.changed = Condition()
        Thread(target=self.read, name="reading lines", daemon=True).start()

    def read(self) -> None:
        try:
            for line in self.lines:
                with self.changed:
                    self.changed.wait_for(lambda: self.is_over or not self.is_full())
                    if self.is_over:
                        return
                    self.received.append(line)
                    self.bytes += len(line)
                    self.changed.notify_all()
        except Exception as error:
            self.error = error
        self.end()

    def end(self) -> None:
        """Read no further lines."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def is_full(self) -> bool:
        return len(self.received) >= self.count or self.bytes >= self.size

    def take(self) -> list[bytes]:
        """The lines received before the next pause; empty after the last line.

        Raises what reading raised, after all lines before it were returned.
        """
        with self.changed:
            count = -1
            while not (self.is_over or self.is_full() or count == len(self.received) > 0):
                count = len(self.received)
                self.changed.wait(PAUSE_SECONDS if count else None)
            taken, self.received, self.bytes = self.received, [], 0
            self.changed.notify_all()
            if not taken and self.error:
                raise self.error
            return taken


def read_chunks(lines: Iterable[bytes], count: int, size: int) -> Iterator[list[bytes]]:
    """Lists of at most `count` lines; of fewer if they are long, or if no further line arrives now.

    So a program at the other end of a pipe receives its answer, and a file is read in long lists.
    """
    reader = LineReader(lines, count, size)
    try:
        while chunk := reader.take():
            yield chunk
    finally:
        reader.end()
