"""Examples out of a page of the documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass

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


def sections(page: str) -> list[Section]:
    """Divide a page; what stands before the first heading is left out."""
    parts = _HEADING.split(page)[1:]
    return [Section(title, text) for title, text in zip(parts[::2], parts[1::2], strict=True)]
