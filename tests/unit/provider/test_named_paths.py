"""What a parameter names as a path, and what a template may make of it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.invoice_source import named_paths
from airflow_provider_ksef.operators.parameters import path_of


@pytest.mark.parametrize("rendered", ["", " ", "None"])
def test_what_a_template_makes_of_nothing_names_no_folder(rendered: str) -> None:
    with pytest.raises(KsefInputError, match=r"tables_path=.*Give a local path"):
        path_of("tables_path", rendered)


@pytest.mark.parametrize("named", ["None", ["None"], ["/data", "None"]])
def test_nothing_among_the_invoices_is_refused(named: str | list[str]) -> None:
    with pytest.raises(KsefInputError, match="what a template makes of nothing"):
        named_paths(named)


@pytest.mark.parametrize("named", [5, 0, b"/data", [5], [None], ["/data", ["/more"]], [{"file": "/data"}]])
def test_what_is_no_path_is_refused(named: Any) -> None:
    with pytest.raises(KsefInputError, match=r"invoices=.*is no path"):
        named_paths(named)


def test_a_folder_may_be_called_so_where_it_is_named_in_full() -> None:
    assert path_of("tables_path", "./None").name == "None"
