"""The tokens and the names that every room of the house agrees on."""

from collections.abc import Sequence

Ids = Sequence[int]
"""Tokens of one text, as numbers."""

PAD, START, END, UNKNOWN = range(4)
"""Token ids: padding, beginning of a sentence, end of a sentence, and what no vocabulary lacks."""

PIECES = ("<pad>", "<s>", "</s>", "<unk>")
"""How these four are written, in the order of their ids."""

LANGUAGE_SYMBOLS = tuple(chr(0xE000 + place) for place in range(32))
PLACEHOLDER_SYMBOLS = tuple(chr(0xE020 + place) for place in range(48))
TAG_SYMBOLS = tuple(chr(0xE050 + place) for place in range(48))
RESERVED = LANGUAGE_SYMBOLS + PLACEHOLDER_SYMBOLS + TAG_SYMBOLS
"""Characters of Unicode's private use area that are always one token each, with ids from 4 on.

A vocabulary cannot grow after training; what a language, a placeholder or a tag will need is here
from the start.
"""

SCORE_NAMES = ("none", "uniform", "dot", "general", "scaled", "additive")
LAYER_NAMES = ("gru", "lstm", "ssru")
ENCODER_NAMES = ("bidirectional", "unidirectional")
SCHEDULE_NAMES = ("constant", "linear", "cosine", "inverse-sqrt")
"""The names of the tables that `config` checks; a test compares them with the tables themselves."""
