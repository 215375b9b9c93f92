"""
A quarter of two small companies of one owner, with what a finance team looks for hidden in it.

The analytics guide is held against answers that are computed from these objects, never from a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from hashlib import sha256
from zoneinfo import ZoneInfo

MILL, SHOP = "5250001210", "1111111111"
"""Our companies."""
BALTIC, TATRA, VISTULA, CLINIC = "2222222222", "3333333333", "4444444444", "5555555555"
"""Those who sell to them."""
POLAND = ZoneInfo("Europe/Warsaw")
CENT = Decimal("0.01")
GROUPS = {
    "23": ("1", "standard rate (23% or 22%)"),
    "5": ("3", "second reduced rate (5%)"),
    "zw": ("7", "exempt"),
}


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


def at(text: str) -> datetime:
    """Make a moment of Polish time."""
    return datetime.fromisoformat(text).replace(tzinfo=POLAND)


def steel(quantity: int, price: str = "100.00", *, is_before: bool = False) -> Line:
    return Line("Steel sheet 2 mm", quantity, price, is_before=is_before)


INVOICES = (
    Invoice(
        "B/1/2026", BALTIC, MILL, date(2026, 1, 5), at("2026-01-05T09:00"), (steel(10),), due=date(2026, 2, 4)
    ),
    Invoice(
        "T/1",
        TATRA,
        MILL,
        date(2026, 1, 10),
        at("2026-01-10T12:00"),
        (Line("Bread & rolls", 100, "2.50", "5"), Line("Coffee", 5, "40.01")),
        due=date(2026, 2, 4),
    ),
    Invoice(
        "V-10",
        VISTULA,
        MILL,
        date(2026, 1, 20),
        at("2026-01-20T08:30"),
        (Line("Licence", 3, "99.99"), Line("Support", 1, "0.99")),
        currency="EUR",
        exchange_rate="4.256700",
        due=date(2026, 2, 19),
    ),
    Invoice(  # received after midnight in Poland, still in January by UTC
        "B/2/2026", BALTIC, MILL, date(2026, 1, 31), at("2026-02-01T00:30"), (steel(2),), payer=SHOP
    ),
    Invoice("B/3/2026", BALTIC, MILL, date(2026, 2, 10), at("2026-02-10T10:00"), (steel(4, "104.50"),)),
    Invoice("B 3/2026", BALTIC, MILL, date(2026, 2, 10), at("2026-02-20T10:00"), (steel(4, "104.50"),)),
    Invoice(
        "T/2",
        TATRA,
        MILL,
        date(2026, 2, 11),
        at("2026-02-11T12:00"),
        (Line("Bread & rolls", 100, "2.50", "5"), Line("Coffee", 5, "42.00")),
    ),
    Invoice(
        "T/2/K",
        TATRA,
        MILL,
        date(2026, 2, 25),
        at("2026-02-25T12:00"),
        (Line("Coffee", 5, "42.00", is_before=True), Line("Coffee", 5, "41.00")),
        corrects=(Original("T/2", date(2026, 2, 11)),),
    ),
    Invoice(
        "B/K/1",
        BALTIC,
        MILL,
        date(2026, 2, 27),
        at("2026-03-02T07:00"),
        (steel(12, is_before=True), steel(11)),
        corrects=(Original("B/1/2026", date(2026, 1, 5)), Original("B/2/2026", date(2026, 1, 31))),
    ),
    Invoice(
        "T/0/K",
        TATRA,
        MILL,
        date(2026, 2, 3),
        at("2026-02-03T12:00"),
        (Line("Bread & rolls", 10, "2.40", "5", is_before=True), Line("Bread & rolls", 8, "2.40", "5")),
        corrects=(Original("T/900/2025", date(2025, 12, 15), is_in_ksef=False),),
    ),
    Invoice("M/1", MILL, SHOP, date(2026, 2, 14), at("2026-02-14T15:00"), (Line("Shelf", 5, "310.00"),)),
    Invoice(
        "S/1",
        SHOP,
        MILL,
        date(2026, 3, 3),
        at("2026-03-03T15:00"),
        (Line("Rent of a hall", 1, "1200.00"),),
        is_self_invoicing=True,
    ),
    Invoice(
        "T/3",
        TATRA,
        MILL,
        date(2026, 3, 11),
        at("2026-03-11T12:00"),
        (Line("Bread & rolls", 80, "2.75", "5"),),
    ),
    Invoice(
        "V-11",
        VISTULA,
        MILL,
        date(2026, 3, 20),
        at("2026-03-20T08:30"),
        (Line("Consulting", 7, "150.00"),),
        currency="USD",
        stated_vat_pln="893.55",
        states_vat_pln=False,
    ),
    Invoice(
        "T/PEF",
        TATRA,
        MILL,
        date(2026, 3, 22),
        at("2026-03-22T12:00"),
        (Line("Catering", 1, "555.00"),),
        document="pef",
    ),
    Invoice(
        "C/77",
        CLINIC,
        MILL,
        date(2026, 3, 21),
        at("2026-03-21T09:00"),
        (Line("Medical check", 3, "180.00", "zw"),),
    ),
    Invoice(
        "C/78",
        CLINIC,
        SHOP,
        date(2026, 3, 24),
        at("2026-03-24T09:00"),
        (Line("Medical check", 2, "180.00", "zw"),),
        document="broken",
    ),
    Invoice(
        "V-12",
        VISTULA,
        MILL,
        date(2026, 3, 28),
        at("2026-03-30T08:00"),
        (Line("Server", 1, "9000.00"),),
        document="none",
    ),
)

WATERMARKS = {
    ("nip-5250001210", "Subject1"): "2026-04-01T06:00:00.1234567+00:00",
    ("nip-5250001210", "Subject2"): "2026-03-31T23:00:00.0000000+00:00",
    ("nip-1111111111", "Subject1"): "2026-03-31T22:59:59.9999999+00:00",
    ("nip-1111111111", "Subject2"): "2026-03-28T12:00:00.0000000+00:00",
    ("nip-1111111111", "Subject3"): "2026-04-02T12:00:00.0000000+00:00",
}
"""How far each part of the tables goes; March is complete an hour after it has ended in Poland."""
