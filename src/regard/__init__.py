"""Neural translation that shows where it looks.

import regard
regard.train(["train.en", "train.fr"], "model")
print(regard.load("model").translate(["The black cat ate the mouse."])[0].text)
"""

from typing import TYPE_CHECKING

from regard.api import add_alignment_head, load, train
from regard.errors import RegardError
from regard.translation import Translation
from regard.translator import Translator

if TYPE_CHECKING:
    from regard.markup.document import MarkupTranslation, translate_markup

__all__ = [
    "MarkupTranslation",
    "RegardError",
    "Translation",
    "Translator",
    "add_alignment_head",
    "load",
    "train",
    "translate_markup",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """What few programs need is imported when it is first named."""
    if name in ("MarkupTranslation", "translate_markup"):
        from regard.markup import document

        return getattr(document, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
