"""Lines that come one after the other, perhaps from somebody who waits for each answer."""

from collections.abc import Iterable, Iterator
from threading import Condition, Thread

PAUSE_SECONDS = 0.02
"""Seconds without a further line after which what has come is handed on."""


class LineReader:
    """Reads lines in a thread of its own, for reading waits.

    At most `count` lines are held, and no further one behind `size` bytes.
    """

    def __init__(self, lines: Iterable[bytes], count: int, size: int) -> None:
        self.lines, self.count, self.size = lines, count, size
        self.held: list[bytes] = []
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
                    self.held.append(line)
                    self.bytes += len(line)
                    self.changed.notify_all()
        except Exception as error:
            self.error = error
        self.end()

    def end(self) -> None:
        """No further line is read."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def is_full(self) -> bool:
        return len(self.held) >= self.count or self.bytes >= self.size

    def take(self) -> list[bytes]:
        """What has come before a pause; nothing if no line is left. Raises what reading raised."""
        with self.changed:
            known = -1
            while not (self.is_over or self.is_full() or known == len(self.held) > 0):
                known = len(self.held)
                self.changed.wait(PAUSE_SECONDS if known else None)
            found, self.held, self.bytes = self.held, [], 0
            self.changed.notify_all()
            if not found and self.error:
                raise self.error
            return found


def read_chunks(lines: Iterable[bytes], count: int, size: int) -> Iterator[list[bytes]]:
    """Lists of at most `count` lines, of fewer where they are long or where no more come for now.

    So a program on the other end of a pipe gets its answer, and a file comes in long lists.
    """
    arrivals = LineReader(lines, count, size)
    try:
        while found := arrivals.take():
            yield found
    finally:
        arrivals.end()
