"""What `regard translate` warns of: how many lines there are of each kind, and the first ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from regard.cli.common import print_message
from regard.shards.writing import LINE_WARNINGS

MAX_LISTED_LINES = 5
"""At most so many lines are named in a warning."""


@dataclass
class LineWarning:
    """A warning about lines: how many there are, and where the first ones are."""

    message: str
    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.count += 1
        if len(self.first) < MAX_LISTED_LINES:
            self.first.append(line)

    def print(self, total: int) -> None:
        """Print the warning on standard error, if there are any such lines."""
        if self.count:
            more = ["..."] if self.count > MAX_LISTED_LINES else []
            shown = ", ".join([*self.first, *more])
            print_message(f"line {shown}: {self.message} ({self.count:,} of {total:,})", "yellow")


class LineWarnings:
    """The warnings about the lines of texts and about their translations."""

    def __init__(self) -> None:
        self.by_kind = {kind: LineWarning(message) for kind, message in LINE_WARNINGS.items()}

    def add(self, line: str, kinds: Iterable[str]) -> None:
        """`line`: its number, with its file if there are several; `kinds`: of `LINE_WARNINGS`."""
        for kind in kinds:
            self.by_kind[kind].add(line)

    def print(self, total: int) -> None:
        for warning in self.by_kind.values():
            warning.print(total)
