"""How the site is built: `python -m sphinx -W --keep-going -b html -c docs . build/site`, from the top of the checkout.

The top is the source, so that links between the pages of docs/ and those beside it are the same as in the repository.
"""

from __future__ import annotations

from importlib.metadata import version as installed

project = "usru"
release = version = installed("usru-scenarios")

root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "bench/results/bench.md"]
exclude_patterns = [".*", "build", "src", "tests"]

extensions = ["myst_parser"]
nitpicky = True  # a link to nowhere is a warning, and so an error
myst_heading_anchors = 3
smartquotes = False  # an option is written with two hyphens

html_theme = "furo"
html_title = f"{project} {release}"
html_css_files = ["wide.css"]
html_static_path = ["site/static"]
html_extra_path = ["site/top"]  # index.html at the top, which leads to docs/index.html
html_copy_source = False
html_show_copyright = False
