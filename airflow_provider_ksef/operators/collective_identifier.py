"""One number for several invoices, to pay them by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient, collective_identifiers
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.collected_invoices import CollectedInvoice, Payment
from airflow_provider_ksef.client.input_checks import is_list
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.permissions import is_plain


class KsefCollectiveIdentifierOperator(ManagingOperator):
    """
    Get a collective identifier for invoices of one seller.

    Where the connection's context has made one of exactly these invoices with the same payments, that is the
    result and none is made; so a retry makes no second one. The result is ``{"status",
    "collective_identifier_number", "invoice_count"}``: ``generated`` or ``already``.

    :param ksef_numbers: 2 or more KSeF numbers, or dictionaries with ``ksef_number`` and, where they are to
        be told, ``payment`` (``amount`` as a text such as ``"123.45"``, ``currency``) and ``description``.
    :param ksef_conn_id: the Airflow connection; it needs ``CollectiveIdentifierManage``.
    :param context_identifier: overrides the connection's login.
    :param deferrable: leave the worker slot free where KSeF's rate limits allow no call for long.
    """

    template_fields: Sequence[str] = ("ksef_numbers", "ksef_conn_id", "context_identifier")

    def __init__(self, *, ksef_numbers: Sequence[str | Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if is_plain(ksef_numbers):
            _identifier_of(ksef_numbers)
        self.ksef_numbers = ksef_numbers

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Look whether there is one already; else get one."""
        del context, progress
        invoices, generate = _identifier_of(self.ksef_numbers)
        number, status = _existing(ksef, invoices), "already"
        if number is None:
            number, status = ksef.run(generate), "generated"
        return {
            "status": status,
            "collective_identifier_number": number,
            "invoice_count": len(invoices),
        }


def _identifier_of(given: object) -> tuple[list[CollectedInvoice], Call[str]]:
    """Read the invoices, and what asks for their identifier, which checks them together."""
    invoices = read_invoices("ksef_numbers", given)
    try:
        return invoices, collective_identifiers.generate(invoices)
    except KsefInputError as error:
        raise KsefInputError("ksef_numbers", error.value, error.problem, error.remedy) from error


def read_invoices(field: str, given: object) -> list[CollectedInvoice]:
    """
    Read invoices as a DAG's author gives them.

    :param field: the parameter that holds them.
    :param given: a list of KSeF numbers or dictionaries.
    :raises KsefInputError: names the invoice by its place in the list, and what is wrong.
    """
    if not is_list(given):
        raise KsefInputError(field, type(given).__name__, "is no list", "Give a list of KSeF numbers.")
    return [_invoice(f"{field}[{number}]", each) for number, each in enumerate(given)]


def _invoice(field: str, given: object) -> CollectedInvoice:
    if isinstance(given, str):
        given = {"ksef_number": given}
    known = {"ksef_number", "payment", "description"}
    if not isinstance(given, Mapping) or not set(given) <= known or not given.get("ksef_number"):
        raise KsefInputError(
            field, given, "is no invoice", "Give a KSeF number, or ksef_number, payment and description."
        )
    try:
        return CollectedInvoice(
            given["ksef_number"], _payment(given.get("payment")), given.get("description")
        )
    except KsefInputError as error:
        raise KsefInputError(f"{field}.{error.field}", error.value, error.problem, error.remedy) from error


def _payment(given: object) -> Payment | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) != {"amount", "currency"}:
        raise KsefInputError("payment", given, "is no payment", "Give amount and currency.")
    amount = given["amount"]
    if isinstance(amount, float):
        raise KsefInputError(
            "payment.amount", amount, "is a float, which is not exact", 'Give a text, such as "123.45".'
        )
    try:
        return Payment(Decimal(amount), str(given["currency"]))
    except (InvalidOperation, TypeError, ValueError) as error:
        raise KsefInputError("payment.amount", amount, "is no amount", 'Write it as "1234.56".') from error


def _existing(ksef: KsefClient, invoices: Sequence[CollectedInvoice]) -> str | None:
    """Find an identifier of our own for exactly these invoices and payments."""
    found = ksef.run(collective_identifiers.query_by_ksef_number(invoices[0].ksef_number))
    wanted = {each.ksef_number: (each.payment, each.description or None) for each in invoices}
    for each in found:
        if not each.created_in_current_context or each.invoice_count not in (None, len(invoices)):
            continue
        listed = ksef.run(collective_identifiers.list_invoices([each.collective_identifier_number]))
        if {one.ksef_number: (one.payment, one.description or None) for one in listed} == wanted:
            return each.collective_identifier_number
    return None
