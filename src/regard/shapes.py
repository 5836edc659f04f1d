"""Shapes in types: `Float[Tensor, "B T"]` is a tensor of B sentences and T tokens.

The tests check them with jaxtyping, which they read before anything of regard. It takes 0.1 s to
read, so that otherwise a shape is a note beside the type, and costs nothing.
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
