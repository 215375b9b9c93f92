"""Official receipts (UPO) for callers with a token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from airflow_provider_ksef.emulator.access import Here, SessionReader
from airflow_provider_ksef.emulator.crypto import digest
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.numbers import normalize_ksef_number
from airflow_provider_ksef.emulator.receipts import upo_of_invoice, upo_of_ksef_number, upo_of_page
from airflow_provider_ksef.emulator.routes.lookup import own_session

router = APIRouter(prefix="/sessions/{referenceNumber}", tags=["Status wysyłki i UPO"])
Reference = Annotated[str, Path(alias="referenceNumber")]


@router.get(
    "/invoices/ksef/{ksefNumber}/upo", summary="Pobranie UPO faktury z sesji na podstawie numeru KSeF"
)
def get_upo_by_ksef_number(
    reference: Reference,
    ksef_number: Annotated[str, Path(alias="ksefNumber")],
    caller: SessionReader,
    emulator: Here,
) -> Response:
    """The receipt of an invoice."""
    session = own_session(emulator, reference, caller)
    found = upo_of_ksef_number(emulator, session, normalize_ksef_number(ksef_number))
    return _answer(found, f"UPO o numerze KSeF {ksef_number} i numerze referencyjnym sesji {reference}")


@router.get(
    "/invoices/{invoiceReferenceNumber}/upo",
    summary="Pobranie UPO faktury z sesji na podstawie numeru referencyjnego faktury",
)
def get_upo_by_reference(
    reference: Reference,
    invoice_reference: Annotated[str, Path(alias="invoiceReferenceNumber")],
    caller: SessionReader,
    emulator: Here,
) -> Response:
    """The receipt of an invoice."""
    session = own_session(emulator, reference, caller)
    found = upo_of_invoice(emulator, session, invoice_reference)
    return _answer(found, f"UPO faktury o numerze referencyjnym {invoice_reference} dla sesji {reference}")


@router.get("/upo/{upoReferenceNumber}", summary="Pobranie UPO dla sesji")
def get_session_upo(
    reference: Reference,
    upo_reference: Annotated[str, Path(alias="upoReferenceNumber")],
    caller: SessionReader,
    emulator: Here,
) -> Response:
    """A page of the receipt of a whole session."""
    session = own_session(emulator, reference, caller)
    found = upo_of_page(emulator, session, upo_reference)
    return _answer(found, f"UPO o numerze referencyjnym {upo_reference} dla sesji {reference}")


def answer_upo(content: bytes) -> Response:
    """A receipt with its hash."""
    return Response(content, media_type="application/xml", headers={"x-ms-meta-hash": digest(content)})


def _answer(found: bytes | None, what: str) -> Response:
    if found is None:
        raise ApiError(21178, f"{what} nie zostało znalezione.")
    return answer_upo(found)
