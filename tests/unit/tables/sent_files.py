"""Sessions and files as a submitting task tells them to the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from airflow_provider_ksef.tables.submission_facts import FileAnswer, SentFile, Submission

CONTEXT = "nip-5250001210"
SESSION = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"
LATER_SESSION = "20261002-SB-1A2B3C7000-0F1E2D3C4F-79"
SENT_AT = datetime(2026, 9, 1, 10, 0, 0, 123456, tzinfo=UTC)
ANSWERED_AT = datetime(2026, 9, 1, 10, 5, tzinfo=UTC)
DIGEST = "0c7e6a405862e402eb76a70f8a26fc732d07c32931e9fae9ab1582911d2e8a3b"


def session(reference: str = SESSION, **facts: object) -> Submission:
    """A session of a mapped task."""
    whole = Submission(
        context=CONTEXT,
        session_reference_number=reference,
        environment="test",
        digest=DIGEST,
        form_code="FA (3)",
        offline_mode=False,
        sent_at=SENT_AT,
        dag_id="send",
        task_id="submit",
        run_id="manual",
        map_index=-1,
        try_number=1,
    )
    return replace(whole, **facts)  # type: ignore[arg-type]


def files(count: int = 3) -> list[SentFile]:
    """Files ``1.xml``, ``2.xml`` ... with a hash each."""
    return [
        SentFile(
            file=f"/data/out/{number}.xml",
            file_name=f"{number}.xml",
            size=1000 + number,
            invoice_hash=f"hash-{number}",
            invoice_number=f"FV/{number}",
            seller_nip="5250001210",
            invoice_type="VAT",
            issue_date=date(2026, 9, 1),
        )
        for number in range(1, count + 1)
    ]


def accepted(number: int, **facts: object) -> FileAnswer:
    """KSeF's answer for an accepted file of a batch."""
    answer = FileAnswer(
        state="accepted",
        file_name=f"{number}.xml",
        invoice_hash=f"hash-{number}",
        status_code=200,
        status_description="Sukces",
        ordinal_number=number,
        invoice_reference_number=f"20260901-EE-{number}",
        ksef_number=f"5250001210-20260901-{number:012X}-AF",
        invoicing_date="2026-09-01T10:00:01.1234567+00:00",
        acquisition_date="2026-09-01T12:00:02.1234569+02:00",
        invoicing_mode="Online",
    )
    return replace(answer, **facts)  # type: ignore[arg-type]


def rejected(number: int, **facts: object) -> FileAnswer:
    """KSeF's answer for a rejected file of a batch."""
    answer = FileAnswer(
        state="rejected",
        file_name=f"{number}.xml",
        status_code=450,
        status_description="Błąd weryfikacji semantyki dokumentu faktury",
        status_details=("Nieprawidłowy XML",),
        ordinal_number=number,
    )
    return replace(answer, **facts)  # type: ignore[arg-type]
