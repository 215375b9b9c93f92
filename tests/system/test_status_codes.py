"""Every status of a batch session and of an invoice in it: what the submit operator does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.limits import SessionLimits
from airflow_provider_ksef.exceptions import KsefSessionError, KsefTimeoutError, KsefTransportError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.tables import read
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.client_ways import limit_sessions, settings_of
from tests.system.conftest import sample_invoices
from tests.system.operator_context import NotedState, TaskInstance

COUNT = 3
OTHER = "5110203043"
OPENED = "POST /sessions/batch"
Produce = Callable[[EmulatorProcess, Path], None]


class Submission:
    """A task that sends the files of a folder and keeps their fate in a table."""

    def __init__(self, folder: Path, tables: Path) -> None:
        self.folder, self.tables = folder, tables
        self.state = NotedState()
        self.told: dict[str, Any] = {}

    def run(self, **parameters: Any) -> dict[str, Any]:
        """Make one try."""
        operator = KsefSubmitBatchOperator(
            task_id="submit",
            invoices=str(self.folder),
            tables_path=str(self.tables),
            **{"poll_interval": 0.1, **parameters},
        )
        instance = TaskInstance("run-1")
        self.told = instance.pushed
        result: dict[str, Any] = operator.execute({"ti": instance, "task_state_store": self.state})
        return result

    def states(self) -> dict[str, str]:
        rows = read("submissions", self.tables).to_pylist()
        return {Path(row["file"]).name: row["state"] for row in rows}


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    return Submission(sample_invoices(tmp_path / "out", count=COUNT), tmp_path / "tables")


def fault(kind: str, code: int) -> Produce:
    return lambda emulator, _: emulator.control("faults", kind=kind, code=code)


def changed(old: bytes, new: bytes) -> Produce:
    def change(_: EmulatorProcess, folder: Path) -> None:
        file = folder / "FV-0001.xml"
        xml, count = re.subn(old, new, file.read_bytes(), count=1, flags=re.DOTALL)
        assert count
        file.write_bytes(xml)

    return change


def of_another_seller(emulator: EmulatorProcess, folder: Path) -> None:
    """KSeF knows no tax representative of that seller."""
    identity = b"<DaneIdentyfikacyjne><NIP>%s</NIP><Nazwa>X</Nazwa></DaneIdentyfikacyjne>" % NIP.encode()
    changed(rb"(<Podmiot1>.*?<NIP>)\d+", rb"\g<1>" + OTHER.encode())(emulator, folder)
    authorized = b"<PodmiotUpowazniony>%s<RolaPU>3</RolaPU></PodmiotUpowazniony><Fa>" % identity
    changed(b"<Fa>", authorized)(emulator, folder)


def over_the_contexts_limit(emulator: EmulatorProcess, _: Path) -> None:
    """The limit is lowered after the task has asked for it."""
    told = {"maxInvoiceSizeInMB": 1, "maxInvoiceWithAttachmentSizeInMB": 3, "maxInvoices": 10}
    body = {"onlineSession": told, "batchSession": told}
    emulator.control("faults", method="GET", path="^/limits/context$", times=1, status=200, body=body)
    limit_sessions(emulator, batch=SessionLimits(0, 0, 10))


def sent_before(emulator: EmulatorProcess, folder: Path) -> None:
    """Another task has sent the first file, and no table tells of it."""
    first = folder / "FV-0001.xml"
    Submission(first, folder.parent / "elsewhere").run()


def sent_before_with_other_bytes(emulator: EmulatorProcess, folder: Path) -> None:
    sent_before(emulator, folder)
    changed(b"</Faktura>", b"</Faktura><!-- printed again -->")(emulator, folder)


def status_codes(emulator: EmulatorProcess) -> list[int]:
    """Tell the status of each batch session."""
    listed = Call(
        "GET", "/sessions", lambda answer: json.loads(answer.content), params={"sessionType": "Batch"}
    )
    with KsefClient(settings_of(emulator)) as ksef:
        return [session["status"]["code"] for session in ksef.run(listed)["sessions"]]


class Fate(NamedTuple):
    """
    What becomes of the first file, or of all of them.

    :param code: of the invoice.
    :param description: KSeF's.
    :param produce: makes the emulator give this code.
    :param state: in the table.
    :param rejected: how many are.
    """

    code: int
    description: str
    produce: Produce
    state: str = "rejected"
    rejected: int = 1


FATES = {
    "accepted": Fate(200, "Sukces", lambda *_: None, "accepted", 0),
    "session failed": Fate(
        405, "Przetwarzanie anulowane z powodu błędu sesji", fault("invoice-status", 405), "unprocessed"
    ),
    "no right": Fate(410, "Nieprawidłowy zakres uprawnień", of_another_seller),
    "attachment": Fate(
        410,
        "Nieprawidłowy zakres uprawnień",
        changed(b"</Faktura>", b"<Zalacznik/></Faktura>"),
    ),
    "too large": Fate(430, "Błąd weryfikacji pliku faktury", over_the_contexts_limit, rejected=COUNT),
    "undecryptable": Fate(435, "Błąd odszyfrowania pliku", fault("invoice-status", 435)),
    "the same again": Fate(440, "Duplikat faktury", sent_before, "already_accepted", 0),
    "another in its place": Fate(440, "Duplikat faktury", sent_before_with_other_bytes, "duplicate_conflict"),
    "semantics": Fate(450, "Błąd weryfikacji semantyki dokumentu faktury", changed(b"<P_15>.*?</P_15>", b"")),
    "unknown error": Fate(500, "Nieznany błąd (500)", fault("invoice-status", 500)),
    "broken off": Fate(
        550, "Operacja została anulowana przez system", fault("invoice-status", 550), "unprocessed"
    ),
}


@pytest.mark.parametrize("name", FATES)
def test_what_becomes_of_an_invoice_is_told(
    connected: EmulatorProcess, submission: Submission, name: str
) -> None:
    fate = FATES[name]
    fate.produce(connected, submission.folder)
    if fate.rejected:
        with pytest.raises(AirflowFailException, match=rf"rejected {fate.rejected} of 3.*") as failed:
            submission.run()
        assert f"FV-0001.xml: {fate.code} {fate.description}" in str(failed.value)
        what_to_do = "again as they are" if fate.code in (405, 500, 550) else "mend the rejected"
        assert what_to_do in str(failed.value)
    result = submission.told["result"] if fate.rejected else submission.run()
    assert (result["accepted"], result["rejected"]) == (COUNT - fate.rejected, fate.rejected)
    assert result["code"] == (445 if fate.rejected == COUNT else 200)
    assert result["status"] == {0: "accepted", 1: "partly_accepted", COUNT: "rejected"}[fate.rejected]
    assert [each["code"] for each in result["rejections"]] == [fate.code] * fate.rejected
    assert all(Path(each["file"]).parent == submission.folder for each in result["rejections"])
    others = {
        f"FV-000{number}.xml": fate.state if fate.rejected == COUNT else "accepted" for number in (2, 3)
    }
    assert submission.states() == {"FV-0001.xml": fate.state, **others}


UNJUDGED = {
    405: "Błąd weryfikacji poprawności dostarczonych elementów paczki",
    415: "Błąd odszyfrowania dostarczonego klucza",
    430: "Błąd dekompresji pierwotnego archiwum",
    435: "Błąd odszyfrowania zaszyfrowanych części archiwum",
    440: r"Sesja anulowana \(Nie przesłano faktur\)",
}
UNKNOWN = {420: "Przekroczony limit faktur w sesji.*takes fewer invoices", 500: r"Nieznany błąd \(500\)"}


@pytest.mark.parametrize("code", UNJUDGED)
def test_a_session_without_effect_says_so_and_the_next_try_sends_anew(
    connected: EmulatorProcess, submission: Submission, code: int
) -> None:
    connected.control("faults", kind="session-status", code=code)
    with pytest.raises(KsefSessionError, match=rf"status {code}: {UNJUDGED[code]}.*may be sent again"):
        submission.run()
    assert set(submission.states().values()) == {"unprocessed"}
    assert submission.run()["accepted"] == COUNT
    assert connected.requests()[OPENED] == 2


@pytest.mark.parametrize("code", UNKNOWN)
def test_a_session_of_unknown_effect_is_never_sent_again(
    connected: EmulatorProcess, submission: Submission, code: int
) -> None:
    connected.control("faults", kind="session-status", code=code)
    for _ in range(2):
        with pytest.raises(KsefSessionError, match=rf"status {code}: {UNKNOWN[code]}.*before you send any"):
            submission.run()
    assert set(submission.states().values()) == {"sent"}
    assert connected.requests()[OPENED] == 1


def test_an_open_session_is_closed_by_the_next_try(
    connected: EmulatorProcess, submission: Submission
) -> None:
    connected.control("faults", method="POST", path="/close$", times=50, drop="before")
    with pytest.raises(KsefTransportError):
        submission.run()
    assert status_codes(connected) == [100]
    connected.forget_faults()
    assert submission.run()["accepted"] == COUNT
    assert connected.requests()[OPENED] == 1


def test_a_session_at_work_is_waited_for_and_taken_up_by_the_next_try(
    connected: EmulatorProcess, submission: Submission, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with pytest.raises(KsefTimeoutError, match="It is processed all the same"):
        submission.run(timeout=0)
    assert "150 Trwa przetwarzanie" in caplog.text
    assert submission.run()["accepted"] == COUNT
    assert connected.requests()[OPENED] == 1
