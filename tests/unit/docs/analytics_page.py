"""The analytics guide's examples, run as they stand on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from tests.unit.docs.pages import TABLES_PATH, sections_of

PRELUDE, *QUESTIONS = sections_of("analytics")
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
                connection.execute(code.replace(TABLES_PATH, str(root)))
                columns = [column[0] for column in connection.description or ()]
                found[section.title] = Answer(columns, connection.fetchall())
    return found


def answer_by_pandas(root: Path) -> Answers:
    """Run the page's Python on the tables below a folder."""
    found: Answers = {}
    names: dict[str, Any] = {}
    for section in (PRELUDE, *QUESTIONS):
        for code in section.fences("python"):
            exec(code.replace(TABLES_PATH, str(root)), names)
            if "answer" in names:
                found[section.title] = _from_pandas(names.pop("answer"))
    return found


def _from_pandas(frame: pd.DataFrame) -> Answer:
    rows = [
        tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False)
    ]
    return Answer([str(name) for name in frame.columns], rows)
