"""
A quarter of two small companies of one owner, with what a finance team looks for hidden in it.

The analytics guide is held against answers that are computed from these objects, never from a table.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from tests.unit.docs.invoice_facts import MILL, SHOP, Invoice, Line, Original

BALTIC, TATRA, VISTULA, CLINIC = "2222222222", "3333333333", "4444444444", "5555555555"
"""Those who sell to them."""
POLAND = ZoneInfo("Europe/Warsaw")
GROUPS = {
    "23": ("1", "standard rate (23% or 22%)"),
    "5": ("3", "second reduced rate (5%)"),
    "zw": ("7", "exempt"),
}


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
