"""What an invoice of the sample states, and what is reckoned of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from hashlib import sha256

MILL, SHOP = "5250001210", "1111111111"
"""Our companies."""
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """
    A line.

    :param item: name of the goods.
    :param quantity: how many.
    :param price: net price of one.
    :param rate: tax rate as FA states it.
    :param is_before: whether it shows the line before a correction.
    """

    item: str
    quantity: int
    price: str
    rate: str = "23"
    is_before: bool = False

    @property
    def net(self) -> Decimal:
        return self.quantity * Decimal(self.price)


@dataclass(frozen=True)
class Original:
    """
    What a correction says of the invoice that it corrects.

    :param number: the issuer's number.
    :param issued: its date of issue.
    :param is_in_ksef: False for an invoice from before KSeF.
    """

    number: str
    issued: date
    is_in_ksef: bool = True


@dataclass(frozen=True)
class Invoice:
    """
    An invoice.

    :param number: the seller's number of it.
    :param seller: NIP.
    :param buyer: NIP.
    :param issued: date of issue.
    :param received: when KSeF numbered it, Polish time.
    :param lines: its lines.
    :param currency: ISO 4217.
    :param exchange_rate: PLN for one unit of the currency; None for PLN, or where no line states it.
    :param stated_vat_pln: tax in PLN where the lines state no exchange rate.
    :param states_vat_pln: whether its document states the tax in PLN, too.
    :param corrects: what it corrects.
    :param due: when it is to be paid.
    :param payer: NIP of a third subject.
    :param is_self_invoicing: whether the buyer issued it.
    :param document: ``whole``, ``broken`` (no XML), ``pef`` (another form) or ``none`` (exported without it).
    """

    number: str
    seller: str
    buyer: str
    issued: date
    received: datetime
    lines: tuple[Line, ...]
    currency: str = "PLN"
    exchange_rate: str | None = None
    stated_vat_pln: str | None = None
    states_vat_pln: bool = True
    corrects: tuple[Original, ...] = field(default=())
    due: date | None = None
    payer: str | None = None
    is_self_invoicing: bool = False
    document: str = "whole"

    @cached_property
    def ksef_number(self) -> str:
        digest = sha256(f"{self.seller} {self.number}".encode()).hexdigest().upper()
        return f"{self.seller}-{self.ksef_date:%Y%m%d}-{digest[:12]}-{digest[12:14]}"

    @property
    def ksef_date(self) -> date:
        return self.received.date()

    @property
    def received_in(self) -> str:
        return f"{self.received:%Y-%m}"

    @property
    def acquired(self) -> datetime:
        return self.received.astimezone(UTC)

    @cached_property
    def roles(self) -> list[tuple[str, str]]:
        """Give the parts of the tables that it is in: context and subject type."""
        parties = {"Subject1": self.seller, "Subject2": self.buyer, "Subject3": self.payer}
        return [(f"nip-{nip}", role) for role, nip in parties.items() if nip in (MILL, SHOP)]

    @cached_property
    def sums(self) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
        """Give net, tax and tax in PLN by rate; a correction's are what it changes."""
        return {rate: self._sums(rate) for rate in dict.fromkeys(line.rate for line in self.lines)}

    @property
    def net(self) -> Decimal:
        return sum((net for net, _, _ in self.sums.values()), Decimal())

    @property
    def gross(self) -> Decimal:
        return sum((net + vat for net, vat, _ in self.sums.values()), Decimal())

    @property
    def vat_pln(self) -> Decimal:
        return sum((vat for _, _, vat in self.sums.values()), Decimal())

    def _sums(self, rate: str) -> tuple[Decimal, Decimal, Decimal]:
        lines = [line for line in self.lines if line.rate == rate]
        net = sum((-line.net if line.is_before else line.net for line in lines), Decimal())
        vat = Decimal(0) if rate == "zw" else to_cent(net * int(rate) / 100)
        if self.stated_vat_pln is not None:
            return net, vat, Decimal(self.stated_vat_pln)
        return net, vat, to_cent(vat * Decimal(self.exchange_rate or 1))


def to_cent(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
