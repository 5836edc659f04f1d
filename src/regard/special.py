"""Special tokens, reserved symbols, and the names of architecture choices."""

from collections.abc import Sequence

Ids = Sequence[int]
"""The token ids of one text."""

PAD, START, END, UNKNOWN = range(4)
"""Token ids: padding, beginning of sentence (BOS), end of sentence (EOS), unknown."""

PIECES = ("<pad>", "<s>", "</s>", "<unk>")
"""The written forms of these four, in the order of their ids."""

LANGUAGE_SYMBOLS = tuple(chr(0xE000 + number) for number in range(32))
PLACEHOLDER_SYMBOLS = tuple(chr(0xE020 + number) for number in range(48))
TAG_SYMBOLS = tuple(chr(0xE050 + number) for number in range(48))
RESERVED = LANGUAGE_SYMBOLS + PLACEHOLDER_SYMBOLS + TAG_SYMBOLS
"""Characters of Unicode's private use area, each of which is always one token; ids from 4.

A vocabulary cannot grow after training, so these are reserved for languages, placeholders and tags.
"""
FIRST_PLACEHOLDER = len(PIECES) + len(LANGUAGE_SYMBOLS)
PLACEHOLDER_IDS = range(FIRST_PLACEHOLDER, FIRST_PLACEHOLDER + len(PLACEHOLDER_SYMBOLS))
"""The token ids of `PLACEHOLDER_SYMBOLS`, in every vocabulary that is large enough for them."""

SCORE_NAMES = ("none", "uniform", "dot", "general", "scaled", "additive")
LAYER_NAMES = ("gru", "lstm", "ssru", "self-attention")
ENCODER_NAMES = ("bidirectional", "unidirectional")
SCHEDULE_NAMES = ("constant", "linear", "cosine", "inverse-sqrt")
"""The keys of the tables of architectures, which `config` checks without importing PyTorch; a test
compares them with the tables."""
FIXED_SCORES = ("none", "uniform")
"""The scores whose attention weights are the same at every step."""
