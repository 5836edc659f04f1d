"""Neural translation that shows where it looks.

import regard
regard.train(["train.en", "train.fr"], "model")
print(regard.load("model").translate(["The black cat ate the mouse."])[0].text)
"""

from regard.api import add_alignment_head, load, train
from regard.errors import RegardError
from regard.translation import Translation
from regard.translator import Translator

__all__ = ["RegardError", "Translation", "Translator", "add_alignment_head", "load", "train"]
__version__ = "0.1.0"
