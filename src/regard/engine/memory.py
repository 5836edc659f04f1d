"""How many sentences an engine translates together: as many as its working memory holds."""

from typing import NamedTuple


class WorkingMemory(NamedTuple):
    sentences: int
    """The most that are translated together."""
    numbers: int
    """Held for a batch, about, while it is read and while a token is chosen."""


PROCESSOR = WorkingMemory(128, 3_000_000)
"""What a processor's caches hold."""
GPU = WorkingMemory(1024, 400_000_000)
"""1.6 GB, in which a GPU is busy enough."""

NUMBERS_PER_STATE = 8
"""Held for each number of an encoder state: gates, and the states of two layers."""
NUMBERS_PER_TOKEN = 2
"""Held for each token that a hypothesis could continue with: its logit and its probability."""


def sentences_that_fit(
    memory: WorkingMemory, encoder_size: int, target_tokens: int, length: int, beam: int
) -> int:
    """The largest batch of sentences of `length` tokens; 0 where not even one fits well."""
    reading = encoder_size * NUMBERS_PER_STATE * length
    choosing = beam * target_tokens * NUMBERS_PER_TOKEN
    return min(memory.sentences, memory.numbers // (reading + choosing))
