"""Guided alignment: the links of words in training pairs, and of the tokens of these words
(Chen et al. 2016; Garg et al. 2019, section 4).

A link is one number: the index of its source word or token, times 65,536, plus that of its target.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from regard.alignment.links import Indices
from regard.alignment.words import SEGMENTATIONS, Segmentation
from regard.data.lists import append_lists, map_lists
from regard.shapes import Float, Int
from regard.special import Ids
from regard.text.spans import Span
from regard.text.token_lists import TokenLists
from regard.text.vocabulary import Vocabulary

LINKS = "links"
LINK_TYPE = "<u4"
RADIX = 1 << 16
WRITTEN_PAIRS = 10_000
"""Pairs whose links are in memory at a time."""


class WordLinks:
    """The links of every pair of a training text, mapped from disk."""

    def __init__(self, folder: Path, segmentation: Segmentation) -> None:
        self.folder, self.segmentation = folder, segmentation
        self.lists = map_lists(folder, LINKS, LINK_TYPE)

    def __reduce__(self) -> tuple[Callable[..., "WordLinks"], tuple[Path, Segmentation]]:
        """Another process maps the file again."""
        return WordLinks, (self.folder, self.segmentation)

    def of_tokens(
        self,
        index: int,
        texts: tuple[str, str],
        tokens: tuple[Ids, Ids],
        vocabularies: tuple[Vocabulary, Vocabulary],
    ) -> list[int]:
        """The links between the tokens of the pair at `index`."""
        begin, end = self.lists.offsets[index : index + 2]
        cut = SEGMENTATIONS[self.segmentation]
        source, target = (
            token_owners(vocabulary, text, ids, cut(text))
            for vocabulary, text, ids in zip(vocabularies, texts, tokens, strict=True)
        )
        links = self.lists.ids[begin:end].astype(np.int64)
        return linked_tokens(links, source, target)


def token_owners(
    vocabulary: Vocabulary, text: str, ids: Ids, words: Sequence[Span]
) -> Int[np.ndarray, " T"]:
    """The index of the word that each token ends in; -1 for none. White space belongs to the word
    after it. All are -1 if the tokens are not those of the text, character by character."""
    ends = vocabulary.ends(ids)
    if len(ids) == 0 or ends[-1] != len(text):
        return np.full(len(ids), -1, np.int64)
    owners = np.full(len(text), -1, np.int64)
    before = 0
    for number, word in enumerate(words):
        owners[before : word.end] = number
        before = word.end
    return owners[np.maximum(ends - 1, 0)]


def linked_tokens(
    links: Int[np.ndarray, " K"], source: Int[np.ndarray, " S"], target: Int[np.ndarray, " T"]
) -> list[int]:
    """Every token of a source word with every token of the target words that it is linked to;
    `source` and `target` are the owners of the tokens."""
    if not len(links):
        return []
    rows, columns = np.divmod(links, RADIX)
    last = max(rows.max(), source.max(initial=0)), max(columns.max(), target.max(initial=0))
    is_linked = np.zeros((last[0] + 2, last[1] + 2), bool)  # the last ones are of no word: -1
    is_linked[rows, columns] = True
    source_tokens, target_tokens = np.nonzero(is_linked[source][:, target])
    numbers: list[int] = (source_tokens * RADIX + target_tokens).tolist()
    return numbers


def shift_sources(links: list[int], tokens: int) -> list[int]:
    """The links of a source that has so many more tokens before its own."""
    return [link + tokens * RADIX for link in links] if tokens else links


def write_word_links(sentences: Iterable[Iterable[Indices]], folder: Path) -> None:
    """Write the links of the pairs of a training text, in its order, into `folder`."""
    chunk: list[list[int]] = []
    for links in sentences:
        chunk.append([source * RADIX + target for source, target in links])
        if len(chunk) == WRITTEN_PAIRS:
            append_lists(folder / LINKS, TokenLists.of(chunk), LINK_TYPE)
            chunk = []
    append_lists(folder / LINKS, TokenLists.of(chunk), LINK_TYPE)


def guiding_weights(
    links: TokenLists, source_width: int, target_width: int
) -> Float[np.ndarray, "B T S"]:
    """What attention should be: each row is spread evenly over the linked source tokens; a target
    token without a link has zeros."""
    weights = np.zeros((len(links.lengths), target_width, source_width), np.float32)
    numbers = links.ids[links.offsets[0] : links.offsets[-1]].astype(np.int64)
    source, target = np.divmod(numbers, RADIX)
    weights[np.repeat(np.arange(len(weights)), links.lengths), target, source] = 1.0
    return weights / np.maximum(weights.sum(axis=2, keepdims=True), 1.0)
