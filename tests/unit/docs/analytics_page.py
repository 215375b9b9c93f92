"""The analytics guide's examples, run as they stand on the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd

_PAGE = Path(__file__).resolve().parents[3] / "docs/analytics.md"
_TABLES_PATH = "/data/ksef/tables"
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


def _sections() -> list[Section]:
    parts = _HEADING.split(_PAGE.read_text())[1:]
    return [Section(title, text) for title, text in zip(parts[::2], parts[1::2], strict=True)]


PRELUDE, *QUESTIONS = _sections()
"""How the tables are opened, and the questions."""


class Answer(NamedTuple):
    """An answer: its columns and rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


Answers = dict[str, Answer]
"""By the question's heading. The page runs from top to bottom: questions use what those before them made."""


def answer_by_sql(root: Path) -> Answers:
    """Run the page's SQL on the tables below a folder."""
    found: Answers = {}
    with duckdb.connect() as connection:
        for section in (PRELUDE, *QUESTIONS):
            for code in section.fences("sql"):
                connection.execute(code.replace(_TABLES_PATH, str(root)))
                columns = [column[0] for column in connection.description or ()]
                found[section.title] = Answer(columns, connection.fetchall())
    return found


def answer_by_pandas(root: Path) -> Answers:
    """Run the page's Python on the tables below a folder."""
    found: Answers = {}
    names: dict[str, Any] = {}
    for section in (PRELUDE, *QUESTIONS):
        for code in section.fences("python"):
            exec(code.replace(_TABLES_PATH, str(root)), names)
            if "answer" in names:
                found[section.title] = _from_pandas(names.pop("answer"))
    return found


def _from_pandas(frame: pd.DataFrame) -> Answer:
    rows = [
        tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False)
    ]
    return Answer([str(name) for name in frame.columns], rows)
