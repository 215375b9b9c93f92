"""What a submission is told to do it does, and what makes no sense is refused before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefInputError, KsefLoginError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import sample_invoices
from tests.system.operator_context import context
from tests.system.submit_ways import operator

COUNT = 4


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


@pytest.mark.parametrize("named", ["", " ", None, [], [""]])
def test_naming_nothing_is_refused(connected: EmulatorProcess, named: Any) -> None:
    with pytest.raises(KsefInputError, match="invoices"):
        KsefSubmitBatchOperator(task_id="submit", invoices=named).execute(context())
    assert connected.requests() == {}


@pytest.mark.parametrize(("field", "value"), [("poll_interval", -1), ("poll_interval", 0), ("timeout", -1)])
def test_an_impossible_number_is_refused_when_the_dag_is_parsed(field: str, value: float) -> None:
    with pytest.raises(KsefInputError, match=field):
        operator(Path("x.xml"), **{field: value})


def test_not_waiting_gives_the_session(connected: EmulatorProcess, invoices: Path) -> None:
    result = operator(invoices, wait_for_completion=False).execute(context())
    assert result["session_reference_number"]
    assert (result["invoice_count"], result["accepted"]) == (COUNT, None)


@pytest.mark.parametrize("compression", ["zip", "tar.gz"])
def test_both_kinds_of_archives_are_taken(
    connected: EmulatorProcess, invoices: Path, compression: str
) -> None:
    assert operator(invoices, compression=compression).execute(context())["accepted"] == COUNT


@pytest.mark.parametrize(("field", "value"), [("on_rejected", "ignore"), ("compression", "rar")])
def test_an_unknown_choice_is_refused_when_the_dag_is_parsed(field: str, value: str) -> None:
    with pytest.raises(KsefInputError, match=field):
        operator(Path("x.xml"), **{field: value})


def test_a_refused_login_names_the_sub_cause(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"conn_type": "ksef", "login": NIP, "password": "wrong-token-123456", "host": connected.url}
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", json.dumps(wrong))
    with pytest.raises(KsefLoginError, match=r"450.*Nieprawidłowy token") as refused:
        operator(invoices).execute(context())
    assert "wrong-token-123456" not in str(refused.value)


def test_a_missing_folder_is_refused_before_anything_is_sent(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    with pytest.raises(KsefInputError, match="no file matches"):
        operator(tmp_path / "nowhere").execute(context())
    assert connected.requests() == {}
