"""How the documentation is built: `nox -s docs`, every warning an error."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "finsecure"
author = "FinSecure"
copyright = author
release = version = version_of("finsecure")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "links",
    "models",
    "operations",
]
exclude_patterns = ["_build", "_ext"]
default_role = "code"  # docstrings write `amount`, as everybody does
nitpicky = False  # the reference names httpx, pydantic and typing objects, and no inventory is fetched while building

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "finsecure"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "exclude-members": "model_config",
}
autodoc_class_signature = "separated"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = False
add_module_names = False  # `PaymentIntents.create`, not where it is written
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # fields as a list: targets called `type` and `object` would catch what means the builtins
