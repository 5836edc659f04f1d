"""Settings of the documentation site: `make docs` builds it into build/docs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import regard

project = "regard"
author = "The regard developers"
copyright = author
release = version = regard.__version__

extensions = ["sphinx.ext.autodoc", "myst_parser", "generated_reference"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"regard {release}"
html_show_sphinx = False
html_copy_source = False

# Docstrings are plain text with `code` in single backticks; the reader of the page sees code.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 110

# Types of other packages, type variables and names that are not public have no page here.
nitpick_ignore_regex = [
    (
        "py:class",
        r"(numpy|np|pathlib|collections|typing|dataclasses|Path|Sequence|Callable|Float|Int)\b.*",
    ),
    ("py:class", r"regard\.(config|engine|pipeline|search|shapes|storage|text|training)\..*"),
    (
        "py:class",
        r"(regard\.(translation|markup\.document)\.)?(Report|Outcome|Agreement|Model|MarkupModel)",
    ),
]
