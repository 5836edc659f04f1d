"""Shapes in types: `Float[Tensor, "B T"]` is a tensor of B sentences and T tokens.

The tests import jaxtyping before regard, and it then checks every shape. Importing it takes 0.1 s,
so in other programs a shape is an annotation without effect.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or "jaxtyping" not in sys.modules:
    from typing import Annotated as Bool
    from typing import Annotated as Float
    from typing import Annotated as Int
    from typing import Annotated as Shaped
else:
    from jaxtyping import Bool, Float, Int, Shaped

__all__ = ["Bool", "Float", "Int", "Shaped"]
