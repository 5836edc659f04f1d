"""How the links of a sentence are written."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from regard.alignment.links import Link
from regard.text.spans import Span


class AlignedPair(NamedTuple):
    number: int
    """Of the sentence, from 1."""
    source: str
    target: str
    source_words: Sequence[Span]
    """The characters of each word, as code points of the line that was read."""
    target_words: Sequence[Span]
    links: Sequence[Link]
    """Sure ones and possible ones, in the order of the target words."""
    sure: float
    """Links whose probability is not larger are only possible."""

    def is_sure(self, link: Link) -> bool:
        return link.probability > self.sure


def pharaoh(pair: AlignedPair) -> str:
    return " ".join(f"{link.source}-{link.target}" for link in pair.links if pair.is_sure(link))


def pharaoh_with_probabilities(pair: AlignedPair) -> str:
    return " ".join(f"{link.source}-{link.target}:{link.probability:.3f}" for link in pair.links)


def talp(pair: AlignedPair) -> str:
    return " ".join(
        f"{link.source}{'-' if pair.is_sure(link) else 'p'}{link.target}" for link in pair.links
    )


def naacl(pair: AlignedPair) -> str:
    return "\n".join(
        f"{pair.number:04d} {link.source + 1} {link.target + 1}"
        f" {'S' if pair.is_sure(link) else 'P'} {link.probability:.3f}"
        for link in pair.links
    )


def in_words(pair: AlignedPair) -> str:
    return "\t".join(
        f"{pair.source[slice(*pair.source_words[link.source])]} → "
        f"{pair.target[slice(*pair.target_words[link.target])]}"
        for link in pair.links
        if pair.is_sure(link)
    )


def link_json(pair: AlignedPair) -> str:
    linked = [{link[side] for link in pair.links if pair.is_sure(link)} for side in range(2)]
    unlinked = [
        [index for index in range(len(spans)) if index not in own]
        for spans, own in zip((pair.source_words, pair.target_words), linked, strict=True)
    ]
    content = {
        "source": pair.source,
        "target": pair.target,
        "source_words": pair.source_words,
        "target_words": pair.target_words,
        "links": [[link.source, link.target, round(link.probability, 3)] for link in pair.links],
        "sure": [pair.is_sure(link) for link in pair.links],
        "unlinked": {"source": unlinked[0], "target": unlinked[1]},
    }
    return json.dumps(content, ensure_ascii=False)


LINK_FORMATS: dict[str, Callable[[AlignedPair], str]] = {
    "pharaoh": pharaoh,
    "pharaoh+prob": pharaoh_with_probabilities,
    "talp": talp,
    "naacl": naacl,
    "words": in_words,
    "json": link_json,
}
"""One line for each sentence, but for naacl, which has one for each link. pharaoh counts words from
0, naacl sentences and words from 1."""
