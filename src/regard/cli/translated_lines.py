"""Translated lines as `regard translate` writes them, and what it warns of."""

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from regard.alignment.links import SURE_PROBABILITY, Alignment
from regard.cli.common import print_message
from regard.data.formats.lines import is_too_long, is_utf8
from regard.translation import WARNINGS, Translation
from regard.translation_json import alignment_as_json, translation_as_json

MAX_LISTED_LINES = 5
"""At most so many line numbers are printed in a warning."""
REPLACEMENT = "\ufffd"
"""Replaces bytes that are not UTF-8."""
BARS = " ||| "
"""Between a translation and its links, as Marian writes them."""


class OutputOptions(NamedTuple):
    """How lines are translated and written."""

    n_best: int
    prefix: str
    as_json: bool
    align: bool
    no_sentence_splitting: bool
    paragraphs: bool
    without: tuple[str, ...]
    protect: str
    tag: str = ""


@dataclass
class LineWarning:
    """A warning about lines: how many there are, and the first line numbers."""

    message: str
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.first) < MAX_LISTED_LINES:
            self.first.append(number)

    def print(self, total: int) -> None:
        """Print the warning on standard error, if there are any such lines."""
        if self.count:
            more = ["..."] if self.count > MAX_LISTED_LINES else []
            shown = ", ".join([*map(str, self.first), *more])
            print_message(f"line {shown}: {self.message} ({self.count:,} of {total:,})", "yellow")


class LineWarnings:
    """The warnings about the lines of a text and about their translations."""

    def __init__(self) -> None:
        self.not_utf8 = LineWarning("bytes that are not UTF-8; iconv converts a file")
        self.truncated = LineWarning(
            "longer than a megabyte; the rest of the line was not translated"
        )
        self.by_kind = {kind: LineWarning(message) for kind, message in WARNINGS.items()}

    def add(self, number: int, line: bytes, best: Translation) -> None:
        if REPLACEMENT in best.source and not is_utf8(line):
            self.not_utf8.add(number)
        if is_too_long(line):
            self.truncated.add(number)
        for kind in dict.fromkeys(warning.kind for warning in best.warnings):
            self.by_kind[kind].add(number)

    def print(self, total: int) -> None:
        for warning in (self.not_utf8, self.truncated, *self.by_kind.values()):
            warning.print(total)


def text_lines(best: list[Translation], output: OutputOptions, number: int) -> str:
    texts = [f"{it.text}{BARS}{pharaoh(it.alignment)}" if output.align else it.text for it in best]
    if output.n_best == 1:
        return f"{texts[0]}\n"
    scored = zip(best, texts, strict=True)
    return "".join(f"{number}\t{it.log_prob:.4f}\t{text}\n" for it, text in scored)


def pharaoh(alignment: Alignment) -> str:
    links = (link for link in alignment.links if link.probability > SURE_PROBABILITY)
    return " ".join(f"{link.source}-{link.target}" for link in links)


def json_line(best: list[Translation], align: bool) -> str:
    written = [
        {**translation_as_json(each), **(alignment_as_json(each) if align else {})} for each in best
    ]
    content = {"source": best[0].source, "translations": written}
    return json.dumps(content, ensure_ascii=False) + "\n"
