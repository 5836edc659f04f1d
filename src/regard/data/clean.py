"""The rules that drop pairs, and the report that counts them by reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regard.data.formats.pair import NOT_A_PAIR, NOT_UTF8, TOO_LONG

MAX_NAMED_LINES = 5
"""At most so many line numbers are kept for each reason."""

DUPLICATE = "duplicate"


class Limits(NamedTuple):
    """The parameters of the rules; `DataOptions` documents them under the same names."""

    max_characters: int
    max_ratio: float
    drop_identical: bool
    drop_duplicates: bool


Rule = Callable[[str, str, Limits], bool]


def is_empty(source: str, target: str, limits: Limits) -> bool:  # noqa: ARG001
    return not source or not target


def is_too_long_pair(source: str, target: str, limits: Limits) -> bool:
    return len(source) > limits.max_characters or len(target) > limits.max_characters


def has_bad_length_ratio(source: str, target: str, limits: Limits) -> bool:
    shorter, longer = sorted((length(source) + 10, length(target) + 10))
    return longer > limits.max_ratio * shorter


EAST_ASIAN = re.compile("[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
"""Chinese characters, kana and Korean syllables."""


def length(text: str) -> int:
    """In characters; one of `EAST_ASIAN`, which stands for about three letters, counts as three."""
    return len(text) + 2 * len(EAST_ASIAN.findall(text))


def is_identical(source: str, target: str, limits: Limits) -> bool:
    return limits.drop_identical and source == target and any(map(str.isalpha, source))


RULES: dict[str, Rule] = {
    "empty": is_empty,
    TOO_LONG: is_too_long_pair,
    "length ratio": has_bad_length_ratio,
    "identical": is_identical,
}
"""A pair is dropped for the first rule that returns True."""

OPTIONS = {
    TOO_LONG: "data.max_characters",
    "length ratio": "data.max_ratio",
    "identical": "data.drop_identical",
    "duplicate": "data.drop_duplicates",
}
"""The option that decides about a reason; the other reasons have none."""

REASONS = (NOT_UTF8, NOT_A_PAIR, *RULES, DUPLICATE)
"""All reasons: those of the readers, those of `RULES`, and the one that needs all pairs."""


def why_dropped(source: str, target: str, limits: Limits) -> str:
    """The first of `RULES` that drops a pair of normalized texts, or an empty string."""
    return next((reason for reason, drops in RULES.items() if drops(source, target, limits)), "")


def by_option(reason: str) -> str:
    """What the report adds to a reason that an option decides about."""
    return f"; option {OPTIONS[reason]}" if reason in OPTIONS else ""


@dataclass
class CleaningReport:
    """How many pairs were read, kept, and dropped for which reason."""

    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Pairs dropped, by reason."""
    first: dict[str, list[int]] = field(default_factory=dict)
    """The line numbers of the first of these, by reason."""

    @property
    def read(self) -> int:
        """All pairs: each was either kept, or dropped for one reason."""
        return self.kept + sum(self.dropped.values())

    def drop(self, reason: str, number: int) -> None:
        """Count the pair on line `number` as dropped."""
        assert reason in REASONS
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        lines = self.first.setdefault(reason, [])
        if len(lines) < MAX_NAMED_LINES:
            lines.append(number)

    def largest(self) -> str:
        """The reason that dropped most pairs; some pair must have been dropped."""
        return max(self.dropped, key=self.dropped.__getitem__)

    def named_lines(self, reason: str) -> str:
        """The line numbers of the first pairs dropped for a reason, as text."""
        more = self.dropped[reason] > len(self.first[reason])
        plural = "s" if self.dropped[reason] > 1 else ""
        return f"line{plural} {', '.join(map(str, self.first[reason]))}{', ...' if more else ''}"

    def lines(self) -> list[str]:
        """The report as text: the totals, then a line for each reason."""
        return [
            f"read {self.read:,} pair{'s' if self.read != 1 else ''}, kept {self.kept:,}",
            *(
                f"dropped {self.dropped[reason]:,} pair{'s' if self.dropped[reason] > 1 else ''}: "
                f"{reason} ({self.named_lines(reason)}{by_option(reason)})"
                for reason in REASONS
                if reason in self.dropped
            ),
        ]

    def to_json(self) -> dict[str, Any]:
        return {"read": self.read, "kept": self.kept, "dropped": self.dropped, "first": self.first}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "CleaningReport":
        """The inverse of `to_json`. Raises KeyError or ValueError if `value` is not a report."""
        report = cls(value["kept"], value["dropped"], value["first"])
        if report.read != value["read"] or not set(report.dropped) <= set(REASONS):
            raise ValueError("the counts of the report do not add up")
        return report
