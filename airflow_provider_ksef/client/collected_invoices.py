"""What is told of an invoice when it gets a collective identifier."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_ksef.client.identifiers import check_ksef_number
from airflow_provider_ksef.client.input_checks import check_length
from airflow_provider_ksef.exceptions import KsefInputError

_LONGEST_DESCRIPTION = 512


@dataclass(frozen=True)
class Payment:
    """
    What is paid for an invoice.

    :param amount: exact.
    :param currency: of three letters, such as ``PLN``.
    """

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class CollectedInvoice:
    """
    An invoice that is to be under an identifier.

    :param ksef_number: of the invoice.
    :param payment: what is paid for it.
    :param description: up to 512 characters.
    :raises KsefInputError: where one of them is wrong.
    """

    ksef_number: str
    payment: Payment | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        check_ksef_number(self.ksef_number)
        if self.description is not None:
            check_length("description", self.description, 0, _LONGEST_DESCRIPTION)
        if self.payment is not None:
            _check_payment(self.payment)

    def to_json(self) -> dict[str, Any]:
        """Give the invoice as the request has it."""
        members: dict[str, Any] = {"ksefNumber": self.ksef_number}
        if self.payment is not None:
            members["payment"] = {"amount": self.payment.amount, "currency": self.payment.currency}
        if self.description is not None:
            members["description"] = self.description
        return members


def _check_payment(payment: Payment) -> None:
    if not payment.amount.is_finite():
        raise KsefInputError("payment.amount", payment.amount, "is no amount", "Write it as 1234.56.")
    if len(payment.currency) != 3 or not (payment.currency.isascii() and payment.currency.isupper()):
        raise KsefInputError(
            "payment.currency", payment.currency, "is no currency", "Give three letters, such as PLN."
        )
