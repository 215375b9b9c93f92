"""Waiting for an invoice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from airflow_provider_ksef._compat import (
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client.filters import InvoiceFilters, filters_from_plain, filters_to_plain
from airflow_provider_ksef.client.invoices import query_metadata
from airflow_provider_ksef.client.verification_links import invoice_link
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.links.ksef import KsefInvoiceLink
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.parameters import check_at_least, is_given
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.sensors.deferring import poke_or_defer, poking_in_place
from airflow_provider_ksef.triggers.events import Resume, read_event
from airflow_provider_ksef.triggers.invoice import KsefInvoiceTrigger

LEAST_POKE_SECONDS = 180.0
"""KSeF allows 20 metadata queries an hour for a company, all its tasks together."""
MOST_TOLD = 100
FILTERS = tuple(field.name for field in fields(InvoiceFilters) if field.name != "restrict_to_hwm")


class KsefInvoiceSensor(BaseSensorOperator):
    """
    Wait until KSeF has an invoice that matches, sent or received.

    The result is ``{"invoices", "has_more"}``: of at most 100 invoices, the oldest first, ``{"ksef_number",
    "invoice_number", "issue_date", "seller_nip", "gross_amount", "currency"}``, the amount as text.

    The filters are those of KSeF's metadata query; all of them must hold, and bounds are inclusive.

    :param date_from: the earliest date, ISO 8601 with an offset.
    :param date_to: the latest date; None for now. KSeF takes ranges of at most 100 days.
    :param date_type: which date is meant: ``PermanentStorage``, ``Invoicing`` or ``Issue``.
    :param subject_type: the company's role: ``Subject2`` buyer, ``Subject1`` seller, ``Subject3``,
        ``SubjectAuthorized``.
    :param ksef_number: exact.
    :param invoice_number: exact.
    :param seller_nip: exact.
    :param buyer_identifier_type: ``Nip``, ``VatUe``, ``Other`` or ``None``.
    :param buyer_identifier: exact; needs the type.
    :param amount_type: which amount the bounds mean: ``Brutto``, ``Netto`` or ``Vat``.
    :param amount_from: lower bound, as text, ``Decimal`` or a number; needs the type.
    :param amount_to: upper bound, likewise.
    :param currency_codes: any of them.
    :param invoice_types: any of them, such as ``Vat`` and ``Kor``.
    :param invoicing_mode: ``Online`` or ``Offline``.
    :param is_self_invoicing: whether the buyer wrote the invoice.
    :param has_attachment: whether it has one.
    :param form_type: ``FA``, ``PEF`` or ``FA_RR``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param poke_interval: seconds between two questions, at least 180, or a ``timedelta``.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    """

    template_fields: Sequence[str] = (
        "date_from",
        "date_to",
        "subject_type",
        "ksef_number",
        "invoice_number",
        "seller_nip",
        "buyer_identifier",
        "amount_from",
        "amount_to",
        "currency_codes",
        "ksef_conn_id",
        "context_identifier",
    )
    operator_extra_links = (KsefInvoiceLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        date_from: str,
        date_to: str | None = None,
        date_type: str = "PermanentStorage",
        subject_type: str = "Subject2",
        ksef_number: str | None = None,
        invoice_number: str | None = None,
        seller_nip: str | None = None,
        buyer_identifier_type: str | None = None,
        buyer_identifier: str | None = None,
        amount_type: str | None = None,
        amount_from: str | Decimal | float | None = None,
        amount_to: str | Decimal | float | None = None,
        currency_codes: Sequence[str] = (),
        invoice_types: Sequence[str] = (),
        invoicing_mode: str | None = None,
        is_self_invoicing: bool | None = None,
        has_attachment: bool | None = None,
        form_type: str | None = None,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        poke_interval: float | timedelta = 300.0,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, retries=retries, retry_policy=retry_policy, **kwargs)
        check_at_least("poke_interval", self.poke_interval, LEAST_POKE_SECONDS)
        self.date_from = date_from
        self.date_to = date_to
        self.date_type = date_type
        self.subject_type = subject_type
        self.ksef_number = ksef_number
        self.invoice_number = invoice_number
        self.seller_nip = seller_nip
        self.buyer_identifier_type = buyer_identifier_type
        self.buyer_identifier = buyer_identifier
        self.amount_type = amount_type
        self.amount_from = amount_from
        self.amount_to = amount_to
        self.currency_codes = currency_codes
        self.invoice_types = invoice_types
        self.invoicing_mode = invoicing_mode
        self.is_self_invoicing = is_self_invoicing
        self.has_attachment = has_attachment
        self.form_type = form_type
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.deferrable = deferrable
        self.invoice_url = ""
        if all(map(is_given, self._given.values())):
            filters_from_plain(self._given)

    @property
    def wanted(self) -> InvoiceFilters:
        """
        Give the parameters as KSeF's filters.

        :raises KsefInputError: where KSeF would refuse one of them.
        """
        return filters_from_plain(self._given)

    @property
    def _given(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in FILTERS}
        return {name: value for name, value in values.items() if value is not None and value != ""}

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask KSeF once."""
        del context
        with KsefHook(self.ksef_conn_id, self.context_identifier).get_conn() as ksef:
            page = ksef.run(query_metadata(self.wanted, page_size=MOST_TOLD))
            self.invoice_url = _link(ksef.settings.environment.qr_url, page.invoices)
        self.log.info("%d invoices match%s.", len(page.invoices), ", and more" if page.has_more else "")
        if not page.invoices:
            return PokeReturnValue(is_done=False)
        told = {"invoices": [_told(invoice) for invoice in page.invoices], "has_more": page.has_more}
        return PokeReturnValue(is_done=True, xcom_value=told)

    def execute(self, context: Context) -> Any:
        """Poke once; then defer, or poke on in place as Airflow's sensors do."""
        if self.deferrable:
            return poke_or_defer(self, context)
        with poking_in_place(self, context):
            return super().execute(context)

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Take over from the trigger; KSeF is asked once more."""
        read = read_event(event, Resume, timeout=self.timeout)
        self.log.info("%s: woken up with code %s.", read.reference_number, read.code)
        return poke_or_defer(self, context, read)

    def on_kill(self) -> None:
        """End the login session, and the task; the next try goes on where it stands."""
        end_killed_task()

    @property
    def awaited(self) -> str:
        """What has not come yet."""
        return f"No invoice matches {self.wanted}"

    def trigger_until(self, deadline: float) -> KsefInvoiceTrigger:
        """Make the trigger that goes on asking."""
        return KsefInvoiceTrigger(
            f"An invoice for {self.subject_type}",
            filters=filters_to_plain(self.wanted),
            ksef_conn_id=self.ksef_conn_id,
            context_identifier=self.context_identifier,
            poll_interval=self.poke_interval,
            since=deadline - self.timeout,
            deadline=deadline,
            resume={"deadline": deadline},
        )


def _link(qr_url: str, invoices: Sequence[Mapping[str, Any]]) -> str:
    """Give the link of KOD I to the first invoice, as far as its metadata says enough for it."""
    if not invoices:
        return ""
    seller, issued = invoices[0].get("seller") or {}, invoices[0].get("issueDate") or ""
    try:
        found = str(seller.get("nip")), date.fromisoformat(issued), str(invoices[0].get("invoiceHash"))
        return invoice_link(qr_url, *found)
    except ValueError:
        return ""


def _told(invoice: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ksef_number": invoice.get("ksefNumber"),
        "invoice_number": invoice.get("invoiceNumber"),
        "issue_date": invoice.get("issueDate"),
        "seller_nip": (invoice.get("seller") or {}).get("nip"),
        "gross_amount": str(invoice.get("grossAmount")),
        "currency": invoice.get("currency"),
    }
