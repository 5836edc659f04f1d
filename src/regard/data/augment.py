"""Training pairs that make a model robust: the same change on both sides of a pair.

What happens to a pair depends only on the seed, the epoch, the index of the pair and the corpus.
"""

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import NamedTuple

import numpy as np

from regard.config import AugmentOptions
from regard.data.corpus import Numbers, ParallelTexts
from regard.data.invented import INVENTORS
from regard.data.lexicon import EMPTY_LEXICON, LexicalLink, Lexicon, links
from regard.data.seeds import scramble
from regard.special import PLACEHOLDER_SYMBOLS
from regard.text.spans import Span, overlap, words

FINAL_MARK = re.compile(r"\s*[.!?…。！？]+$")
NO_SPACE_AFTER = ("。", "！", "？")
"""The final marks of languages that are written without spaces."""
WORD_START = re.compile(r"\w[\w'’]*")
PHRASE_WORDS = 4
"""The most words of a phrase."""
NAME_WORDS = 3
"""The most words of a name or an address that a placeholder replaces."""
CONTENT_LETTERS = 4
"""Words of fewer letters are no content words."""
MAX_SYMBOLS = 3
INSERTED, WRAPPED = 1 / 3, 1 / 4
"""The shares of changes with placeholders that insert symbols, and that put one of them on each
side of a word, as tags stand."""
ANY_NUMBERS = 1 / 4
"""The share whose symbols are any; those of the others are numbered from 0, as in translation."""


class TextPair(NamedTuple):
    source: str
    target: str


class Augmentation(NamedTuple):
    """Everything but the text, the seed and the epoch that determines the changes."""

    options: AugmentOptions
    lexicon: Lexicon
    max_characters: int
    """Of a side of a joined pair."""


NO_AUGMENTATION = Augmentation(AugmentOptions(scale=0.0), EMPTY_LEXICON, 0)


class ParallelLists(NamedTuple):
    sources: list[str]
    targets: list[str]


class Slot(NamedTuple):
    """A range of both sides that a text may replace; an empty range is where it is inserted."""

    source: Span
    target: Span
    before: str = ""
    """A space to write before the text."""
    after: str = ""


class LinkedPair(NamedTuple):
    """A pair with its words and the one-to-one links between them."""

    source: str
    target: str
    source_words: list[Span]
    target_words: list[Span]
    links: list[LexicalLink]


def augmented(
    texts: ParallelTexts, indices: Numbers, augmentation: Augmentation, seed: int, epoch: int
) -> ParallelLists:
    """The pairs at `indices` with the changes of an epoch."""
    options, lexicon, max_characters = augmentation
    pairs = ParallelLists(texts.sources(indices), texts.targets(indices))
    chosen = choose_rows(indices, seed, epoch, "joined", options)
    join_following(texts, indices, pairs, list(chosen), max_characters)
    for name, change in CHANGES.items():
        for row, draw in choose_rows(indices, seed, epoch, name, options).items():
            pair = TextPair(pairs.sources[row], pairs.targets[row])
            pairs.sources[row], pairs.targets[row] = change(pair, Random(draw), lexicon)
    return pairs


def choose_rows(
    indices: Numbers, seed: int, epoch: int, change: str, options: AugmentOptions
) -> dict[int, int]:
    """The rows of `indices` whose pairs get a change, each with a seed for it."""
    key = blake2b(f"{seed} {epoch} {change}".encode(), digest_size=8).digest()
    draws = scramble(indices.astype(np.uint64) + np.frombuffer(key, "<u8"))
    rows = np.flatnonzero(draws / 2.0**64 < options.share(change))
    return dict(zip(rows.tolist(), draws[rows].tolist(), strict=True))


def join_following(
    texts: ParallelTexts,
    indices: Numbers,
    pairs: ParallelLists,
    rows: list[int],
    max_characters: int,
) -> None:
    """Append to the pairs in `rows` the next ones of the corpus, where they are short enough."""
    following = (indices[rows] + 1) % len(texts)
    next_sources, next_targets = texts.sources(following), texts.targets(following)
    for row, source, target in zip(rows, next_sources, next_targets, strict=True):
        joined = join_texts(pairs.sources[row], source), join_texts(pairs.targets[row], target)
        if max(map(len, joined)) <= max_characters:
            pairs.sources[row], pairs.targets[row] = joined


def join_texts(first: str, second: str) -> str:
    return f"{first}{'' if first.endswith(NO_SPACE_AFTER) else ' '}{second}"


def without_final_mark(pair: TextPair, _random: Random, _lexicon: Lexicon) -> TextPair:
    """Both sides without the mark at the end, if both have one."""
    ends = [FINAL_MARK.search(text) for text in pair]
    if not all(end and end.start() for end in ends):
        return pair
    return TextPair(*(FINAL_MARK.sub("", text) for text in pair))


def in_another_case(pair: TextPair, random: Random, _lexicon: Lexicon) -> TextPair:
    """Both sides in capitals, in small letters, or with a capital on every word."""
    change = random.choice([str.upper, str.lower, capitalize_words])
    return TextPair(*map(change, pair))


def capitalize_words(text: str) -> str:
    return WORD_START.sub(lambda word: word[0][0].upper() + word[0][1:], text)


def phrase_alone(pair: TextPair, random: Random, lexicon: Lexicon) -> TextPair:
    """A word or a phrase of the pair whose words are linked one to one."""
    linked = link_words(pair, lexicon)
    slots = [slot for slot in linked_phrases(linked, PHRASE_WORDS) if is_of_words(pair, slot)]
    return content_of(pair, random.choice(slots)) if slots else pair


def with_placeholders(pair: TextPair, random: Random, lexicon: Lexicon) -> TextPair:
    """1 to 3 placeholder symbols on both sides, in place of linked words or between them."""
    if any(symbol in text for text in pair for symbol in PLACEHOLDER_SYMBOLS):
        return pair
    linked, count = link_words(pair, lexicon), random.randint(1, MAX_SYMBOLS)
    if random.random() >= INSERTED:
        slots = replaceable(linked, random, count)
    elif random.random() < WRAPPED:
        slots = around_a_word(linked, random)
    else:
        between = insertable(linked)
        slots = random.sample(between, min(count, len(between)))
    symbols = PLACEHOLDER_SYMBOLS[: len(slots)]
    if random.random() < ANY_NUMBERS:
        symbols = tuple(random.sample(PLACEHOLDER_SYMBOLS, len(slots)))
    return fill(pair, sorted(slots), symbols)


def with_copy(pair: TextPair, random: Random, lexicon: Lexicon) -> TextPair:
    """An invented text on both sides, in place of a linked word or between words."""
    linked = link_words(pair, lexicon)
    slots = replaceable(linked, random, 1) if random.random() < 1 / 2 else []
    slots = slots or [random.choice(insertable(linked))]
    return fill(pair, slots, [random.choice(INVENTORS)(random)])


CHANGES: dict[str, Callable[[TextPair, Random, Lexicon], TextPair]] = {
    "phrases": phrase_alone,
    "fragments": without_final_mark,
    "case": in_another_case,
    "placeholders": with_placeholders,
    "copies": with_copy,
}
"""By option, in the order in which they are made; pairs are joined before."""


def needs_links(options: AugmentOptions) -> bool:
    """Whether a change needs a lexicon."""
    return any(options.share(change) for change in ("phrases", "placeholders", "copies"))


def link_words(pair: TextPair, lexicon: Lexicon) -> LinkedPair:
    source_words, target_words = map(words, pair)
    linked = links(
        [pair.source[start:end] for start, end in source_words],
        [pair.target[start:end] for start, end in target_words],
        lexicon,
    )
    return LinkedPair(*pair, source_words, target_words, linked)


def linked_phrases(pair: LinkedPair, longest: int) -> list[Slot]:
    """All phrases of up to `longest` words whose words are linked one to one to a phrase."""
    phrases = []
    for begin in range(len(pair.links)):
        for end in range(begin + 1, min(begin + longest, len(pair.links)) + 1):
            run = pair.links[begin:end]
            targets = sorted(link.target for link in run)
            if run[-1].source - run[0].source != end - begin - 1:
                break
            if targets[-1] - targets[0] == end - begin - 1:
                source, target = pair.source_words, pair.target_words
                phrases.append(
                    Slot(
                        Span(source[run[0].source].start, source[run[-1].source].end),
                        Span(target[targets[0]].start, target[targets[-1]].end),
                    )
                )
    return phrases


def content_of(pair: TextPair | LinkedPair, slot: Slot) -> TextPair:
    return TextPair(pair.source[slice(*slot.source)], pair.target[slice(*slot.target)])


def is_of_words(pair: TextPair, slot: Slot) -> bool:
    """Whether both sides begin and end with a letter or a digit, and have a letter."""
    return all(
        text[0].isalnum() and text[-1].isalnum() and any(map(str.isalpha, text))
        for text in content_of(pair, slot)
    )


def replaceable(pair: LinkedPair, random: Random, count: int) -> list[Slot]:
    """At most `count` slots in the order of the source: names, numbers and addresses that are equal
    on both sides, then content words."""
    protected, content = [], []
    for slot in linked_phrases(pair, NAME_WORDS):
        source, target = content_of(pair, slot)
        if source == target and any(letter.isdigit() or letter.isupper() for letter in source):
            protected.append(slot)
        elif all(len(text) >= CONTENT_LETTERS and text.isalpha() for text in (source, target)):
            content.append(slot)
    random.shuffle(protected)
    random.shuffle(content)
    protected.sort(key=lambda slot: slot.source.start - slot.source.end)
    chosen: list[Slot] = []
    for slot in protected + content:
        if len(chosen) < count and not any(slots_overlap(slot, other) for other in chosen):
            chosen.append(slot)
    return sorted(chosen)


def slots_overlap(one: Slot, other: Slot) -> bool:
    """Whether two slots share characters on a side."""
    return overlap(one.source, other.source) or overlap(one.target, other.target)


def insertable(pair: LinkedPair) -> list[Slot]:
    """Empty slots at the start, at the end, and between parts whose links agree."""
    source, target = pair.source, pair.target
    slots = [
        Slot(Span(0, 0), Span(0, 0), after=" "),
        Slot(empty_span(len(source)), empty_span(len(target)), before=" "),
    ]
    targets = [link.target for link in pair.links]
    nearest = list(accumulate(reversed(targets), min))[::-1]
    furthest = -1
    for number, link in enumerate(pair.links[:-1]):
        furthest = max(furthest, link.target)
        after_source = pair.source_words[link.source].end
        after_target = pair.target_words[link.target].end
        is_split = furthest == link.target < nearest[number + 1]
        if is_split and source[after_source] == target[after_target] == " ":
            slots.append(Slot(empty_span(after_source), empty_span(after_target), before=" "))
    return slots


def empty_span(index: int) -> Span:
    return Span(index, index)


def around_a_word(pair: LinkedPair, random: Random) -> list[Slot]:
    """An empty slot on each side of a linked word or phrase, as tags stand; none if none is."""
    phrases = linked_phrases(pair, PHRASE_WORDS)
    if not phrases:
        return []
    source, target, *_ = random.choice(phrases)
    return [
        Slot(empty_span(source.start), empty_span(target.start)),
        Slot(empty_span(source.end), empty_span(target.end)),
    ]


def fill(pair: TextPair, slots: Sequence[Slot], contents: Sequence[str]) -> TextPair:
    """The pair with each of `contents` in its slot; slots do not overlap."""
    filled = [
        (slot, f"{slot.before}{text}{slot.after}")
        for slot, text in zip(slots, contents, strict=True)
    ]
    return TextPair(
        replace_spans(pair.source, [(slot.source, text) for slot, text in filled]),
        replace_spans(pair.target, [(slot.target, text) for slot, text in filled]),
    )


def replace_spans(text: str, replacements: Sequence[tuple[Span, str]]) -> str:
    """The text with another one for each span; spans do not overlap."""
    parts, end = [], 0
    for span, content in sorted(replacements, key=lambda both: both[0]):
        parts += [text[end : span.start], content]
        end = span.end
    return "".join([*parts, text[end:]])
