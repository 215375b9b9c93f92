"""Pages of the docs, cut into sections, for tests that run their examples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TABLES_PATH = "/data/ksef/tables"
"""Where the pages have their tables."""
_DOCS = Path(__file__).resolve().parents[3] / "docs"
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """
    What stands below a heading of the second level.

    :param title: the heading.
    :param text: everything up to the next one.
    """

    title: str
    text: str

    def fences(self, language: str) -> list[str]:
        """Give the examples in a language."""
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)


def sections_of(page: str) -> list[Section]:
    """
    Cut a page.

    :param page: its name.
    """
    parts = _HEADING.split((_DOCS / f"{page}.md").read_text())[1:]
    return [Section(title, text) for title, text in zip(parts[::2], parts[1::2], strict=True)]
