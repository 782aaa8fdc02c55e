"""How Sphinx builds the site; `make docs` calls it with warnings as errors. Nothing here needs the network."""

import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

from downslope import __version__

HERE = Path(__file__).parent

project = "Downslope"
author = "The Downslope developers"
project_copyright = author
version = release = __version__

# For the extension beside this file.
sys.path.insert(0, str(HERE))
extensions = [
    "console",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/*.ipynb"]
templates_path = ["_templates"]
# The pages that list the notebooks may be built before these are there.
suppress_warnings = [] if any(HERE.parent.glob("notebooks/*.ipynb")) else ["toc.not_readable"]

# ------------------------------------------------------------------------------------------------------------- words
# A name in single backticks is a link where it has a page, and code where it has none.
default_role = "py:obj"
nitpick_ignore_regex = [("py:obj", ".*")]
autodoc_default_options = {
    "members": True,
    # scikit-learn's own, on every estimator.
    "exclude-members": "set_fit_request, set_partial_fit_request, set_score_request",
}
autodoc_member_order = "bysource"
# numpydoc says the types in words, shapes and units included.
autodoc_typehints = "none"
numpydoc_show_class_members = False
# It says what it cannot read through Python, not through Sphinx.
warnings.filterwarnings("error", category=UserWarning, module=r"numpydoc\.")
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# ---------------------------------------------------------------------------------------------------------- notebooks
# Pages with code and the course run at every build, whatever output they store, because the site is to show what the
# code does today. An error in one is a warning, which fails the build.
nb_execution_mode = "force"
nb_execution_show_tb = True
nb_execution_timeout = 300
nb_merge_streams = True
# A kernel without remarks of its own, and whose warnings do not name the folders of the machine.
os.environ["JUPYTER_PATH"] = str(HERE / "_jupyter")
nb_kernel_rgx_aliases = {"python3": "quiet"}
# The scripts for interactive widgets would come from the network.
nb_ipywidgets_js: dict[str, Any] = {}
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

# ------------------------------------------------------------------------------------------------------------ gallery
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "backreferences_dir": "reference/generated/backreferences",
    "doc_module": ("downslope",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    # How long a script took says more of the machine than of the script.
    "write_computation_times": False,
    "min_reported_time": 1e9,
}

# -------------------------------------------------------------------------------------------------------------- looks
html_theme = "pydata_sphinx_theme"
html_title = "Downslope"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["downslope.css"]
html_show_sourcelink = False
html_show_sphinx = False
# Code and what it prints are wide: only pages without much of it have their contents to the right.
alone = ["architecture", "changelog", "contributing"]
html_sidebars = {page: [] for page in ["index", "quick_start", *alone]} | {"course/*": ["page-toc"]}
html_theme_options = {
    "logo": {"text": "Downslope"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_prev_next": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": {page: ["page-toc"] for page in [*alone, "reference/**"]},
    "footer_start": ["copyright"],
    "footer_end": [],
}


def setup(app: Sphinx) -> None:
    bring_the_course(HERE.parent / "notebooks", HERE / "course")
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("autodoc-skip-member", skip_bare_fields)
    app.connect("html-page-context", say_the_language)


def bring_the_course(source: Path, target: Path) -> None:
    """Copy the notebooks, which stand outside of the site's folder, into it."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for notebook in sorted(source.glob("*.ipynb")):
        shutil.copy(notebook, target)


def visit_math(translator: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML: browsers draw it themselves, where MathJax would have to be fetched."""
    display = "block" if isinstance(node, nodes.math_block) else "inline"
    translator.body.append(convert(node.astext(), display=display))
    raise nodes.SkipNode


def skip_bare_fields(_app: Sphinx, _what: str, _name: str, member: Any, *_: Any) -> bool | None:
    """Leave out the fields of a NamedTuple, whose own docstrings say nothing: the class describes them."""
    return True if str(getattr(member, "__doc__", "")).startswith("Alias for field number") else None


def say_the_language(_app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Tell browsers and screen readers which pages are Korean."""
    if page.startswith("ko/") or page.endswith(".ko"):
        context["language"] = "ko"
