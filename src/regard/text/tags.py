"""Tags: a reserved symbol before a source, which says what kind of translation is wanted."""

from collections.abc import Sequence

from regard.errors import RegardError, nearest
from regard.special import TAG_SYMBOLS

NO_TAG = ""
TAG_TOKENS = 2
"""Tokens before those of the text: a space, and the symbol."""


def tag_prefix(tag: str, tags: Sequence[str]) -> str:
    """What stands before a source with this tag; `tags` are those that the model knows, in order.
    Nothing for `NO_TAG`."""
    return f"{TAG_SYMBOLS[tags.index(tag)]} " if tag else ""


def refuse_unknown_tag(tag: str, tags: Sequence[str], where: str) -> None:
    """Raises RegardError if a model that knows `tags` does not know this one."""
    if tag in (NO_TAG, *tags):
        return
    if not tags:
        raise RegardError(
            f"there is no tag '{tag}': this model was trained without tags",
            where,
            "leave it out; data.corpora gives a corpus a tag when a model is trained",
        )
    known = f"this model knows: {', '.join(tags)}"
    advice = nearest(tag, tuple(tags))
    if advice.endswith("?"):
        known = f"{advice} {known[0].upper()}{known[1:]}"
    raise RegardError(f"there is no tag '{tag}'", where, known)


def refuse_many_tags(tags: Sequence[str], where: str) -> None:
    """Raises RegardError if there are more tags than symbols."""
    if len(tags) > len(TAG_SYMBOLS):
        raise RegardError(
            f"{len(tags)} tags are more than the {len(TAG_SYMBOLS)} that a vocabulary has symbols"
            " for",
            where,
            "give corpora of one kind the same tag",
        )
