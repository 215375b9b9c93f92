"""Sphinx configuration."""

from __future__ import annotations

from airflow_provider_ksef import __version__

project = "airflow-provider-ksef"
author = "the airflow-provider-ksef authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
nitpicky = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
html_theme = "alabaster"
