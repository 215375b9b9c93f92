"""Several processes do what one does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError, KsefTableError
from airflow_provider_ksef.tables import document_processes, documents
from airflow_provider_ksef.tables.documents import divide, stage_documents
from tests.unit.tables.document_packages import Package, fa, line, package, staged_rows

XMLS = [
    fa(f"<P_13_1>{place}</P_13_1>" + line(NrWierszaFa="1", P_7="x" * 50 * (place % 7)) * (place % 4))
    for place in range(60)
]


@pytest.fixture(autouse=True)
def _small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "START_BYTES", 0)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_processes_give_the_rows_of_one(tmp_path: Path, kind: str) -> None:
    made = package(*XMLS)
    source = made.zip() if kind == "zip" else made.tar()
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    alone.mkdir()
    shared.mkdir()
    one = stage_documents(source, made.invoices, alone)
    two = stage_documents(source, made.invoices, shared, processes=2)
    assert len(two.files) > len(one.files)
    assert (two.documents, two.lines, two.unreadable) == (one.documents, one.lines, one.unreadable)
    for table in ("invoice_documents", "invoice_lines", "invoice_vat_summary"):
        order = [("permanent_storage_date", "ascending")]
        if table == "invoice_lines":
            order.append(("line_ordinal", "ascending"))
        assert staged_rows(two, table).sort_by(order).equals(staged_rows(one, table).sort_by(order))


def test_few_but_large_documents_are_shared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_TYPICAL_BYTES", 0)
    made = package(*XMLS)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    alone.mkdir()
    shared.mkdir()
    one = stage_documents(made.zip(), made.invoices, alone)
    two = stage_documents(made.zip(), made.invoices, shared, processes=2)
    assert len(two.files) > len(one.files)


def test_an_error_of_another_process_is_raised_here(tmp_path: Path) -> None:
    made = package(*XMLS)
    entries = list(made.entries)
    entries[59] = (entries[59][0], XMLS[0])
    spoilt = Package(tuple(entries), made.invoices)
    with pytest.raises(KsefIntegrityError, match="The document of N59 has another hash"):
        stage_documents(spoilt.zip(), made.invoices, tmp_path, processes=2)


def test_the_death_of_another_process_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nkill -9 $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(document_processes.sys, "executable", str(dying))
    made = package(*XMLS)
    with pytest.raises(KsefTableError, match="ended with code -9"):
        stage_documents(made.zip(), made.invoices, tmp_path, processes=2)


def test_a_failure_here_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = package(*XMLS)
    spoilt = Package(((made.entries[0][0], XMLS[1]), *made.entries[1:]), made.invoices)
    sleeping = tmp_path / "python"
    sleeping.write_text("#!/bin/sh\nexec sleep 600\n")
    sleeping.chmod(0o755)
    monkeypatch.setattr(document_processes.sys, "executable", str(sleeping))
    with pytest.raises(KsefIntegrityError, match="The document of N0 has another hash"):
        stage_documents(spoilt.zip(), made.invoices, tmp_path, processes=2)


def test_less_than_one_process_is_refused(tmp_path: Path) -> None:
    made = package()
    with pytest.raises(KsefInputError, match="processes=0"):
        stage_documents(made.zip(), made.invoices, tmp_path, processes=0)


def test_shares_are_contiguous_and_this_process_gets_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert divide([10] * 10, 2) == [5, 10]
    monkeypatch.setattr(documents, "START_BYTES", 20)
    assert divide([10] * 10, 2) == [6, 10]
    assert divide([10] * 10, 3) == [4, 7, 10]
    assert divide([10] * 6, 2) == [6]
    assert divide([], 4) == [0]


def test_a_process_that_reads_documents_does_not_load_pandas() -> None:
    """pyarrow loads it with the first array, where it is installed."""
    program = (
        "import sys\n"
        "from airflow_provider_ksef.tables.document_worker import WithoutPandas\n"
        "sys.meta_path.insert(0, WithoutPandas())\n"
        "import pyarrow as pa\n"
        "assert pa.array([1, None]).null_count == 1\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
