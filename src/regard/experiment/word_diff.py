"""Sentences with what is wrong in them marked, and heat maps, as HTML."""

from difflib import SequenceMatcher
from html import escape
from typing import NamedTuple

from regard.experiment.results import AttentionMap
from regard.text.spans import words


class Part(NamedTuple):
    text: str
    is_word: bool
    """Else it is what stands between words."""
    agrees: bool
    """Whether the other text has this word too, in the same order."""


class Marked(NamedTuple):
    parts: list[Part]
    missing: list[str]
    """Words of the reference that have no counterpart."""


def compare_words(text: str, reference: str) -> Marked:
    """The words of a translation that the reference has too, in the same order, and the others.

    Capitals do not count. A word that has only changed its place counts as wrong: this shows where
    to look, it is no judgement.
    """
    own, wanted = words(text), words(reference)
    found = [text[span.start : span.end] for span in own]
    other = [reference[span.start : span.end] for span in wanted]
    matcher = SequenceMatcher(
        None, [word.casefold() for word in found], [word.casefold() for word in other], False
    )
    same, met = set[int](), set[int]()
    for block in matcher.get_matching_blocks():
        same |= set(range(block.a, block.a + block.size))
        met |= set(range(block.b, block.b + block.size))
    parts: list[Part] = []
    at = 0
    for number, span in enumerate(own):
        if span.start > at:
            parts.append(Part(text[at : span.start], False, True))
        parts.append(Part(text[span.start : span.end], True, number in same))
        at = span.end
    if at < len(text):
        parts.append(Part(text[at:], False, True))
    return Marked(parts, [word for number, word in enumerate(other) if number not in met])


def marked_html(marked: Marked) -> str:
    return "".join(
        f"<mark>{escape(part.text)}</mark>" if not part.agrees else escape(part.text)
        for part in marked.parts
    )


def heat_map(look: AttentionMap, caption: str) -> str:
    """The weights as a table: read across, written downwards; the stronger, the more is in it."""
    head = "".join(f'<th scope="col"><span>{escape(word)}</span></th>' for word in look.columns)
    rows = []
    for word, weights in zip(look.rows, look.weights, strict=True):
        cells = "".join(map(heat_cell, weights))
        rows.append(f'<tr><th scope="row">{escape(word)}</th>{cells}</tr>')
    return (
        f'<figure class="scroll"><figcaption>{escape(caption)}</figcaption>'
        f'<table class="heat"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></figure>"
    )


def heat_cell(weight: float) -> str:
    """A weight in percent on a ground as strong as it; below 5 % the ground alone tells."""
    strength = ' class="strong"' if weight >= 0.75 else ""
    shown = f"{100 * weight:.0f}" if weight >= 0.05 else ""
    return f'<td{strength} style="--w:{weight:.2f}">{shown}</td>'
