"""What is sold: invoice lines, the tax summary they add up to, and an order's lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_ksef.emulator.synthetic.dice import Dice
from airflow_provider_ksef.emulator.synthetic.goods import Product
from airflow_provider_ksef.emulator.synthetic.writing import divide, exchange_rate, money, quantity

# tax rate of a line -> the field of its sum, and its percentage
_SUMMARY = {
    "23": ("1", 23),
    "8": ("2", 8),
    "5": ("3", 5),
    "0 KR": ("6_1", 0),
    "0 WDT": ("6_2", 0),
    "0 EX": ("6_3", 0),
    "zw": ("7", 0),
    "np I": ("8", 0),
    "np II": ("9", 0),
    "oo": ("10", 0),
}

# middle exchange rate to PLN in millionths
_RATES = {
    "EUR": 4_264_000,
    "USD": 3_655_000,
    "GBP": 4_921_000,
    "CHF": 4_545_000,
    "CZK": 175_300,
    "SEK": 388_100,
    "DKK": 571_400,
    "NOK": 361_200,
    "HUF": 11_040,
    "RON": 837_600,
    "JPY": 24_310,
}


@dataclass(frozen=True, slots=True)
class Money:
    """:param rate: PLN for one unit, in millionths; 0 for PLN itself."""

    currency: str
    rate: int

    @property
    def line_rate(self) -> str:
        return f"<KursWaluty>{exchange_rate(self.rate)}</KursWaluty>" if self.rate else ""

    def from_pln(self, amount: int) -> int:
        return max(1, divide(amount * 1_000_000, self.rate)) if self.rate else amount


@dataclass(slots=True)
class Line:
    """Quantity in thousandths; price and net in hundredths of the invoice's currency."""

    product: Product
    quantity: int
    price: int
    rate: str

    @property
    def net(self) -> int:
        return divide(self.quantity * self.price, 1000)


@dataclass(slots=True)
class Sums:
    """Net and tax by rate, in hundredths."""

    net: dict[str, int]
    tax: dict[str, int]


def choose_money(dice: Dice, currency: str) -> Money:
    if currency == "PLN":
        return Money("PLN", 0)
    middle = _RATES[currency]
    return Money(currency, middle + dice.between(-middle // 25, middle // 25))


def choose_lines(
    dice: Dice, products: tuple[Product, ...], count: int, abroad: str, money: Money
) -> list[Line]:
    """
    Choose what the buyer gets.

    :param abroad: empty for a buyer in Poland, ``EU`` or ``world`` otherwise.
    """
    lines = []
    for _ in range(count):
        product = dice.pick(products)
        amount = max(1, dice.between(1, product.most) >> dice.below(6))
        if dice.chance(4):
            amount *= 40
        thousandths = amount * 1000 + (dice.below(1000) if product.is_divisible else 0)
        price = money.from_pln(dice.between(product.low, product.high))
        lines.append(Line(product, thousandths, price, _rate(product, abroad)))
    return lines


def _rate(product: Product, abroad: str) -> str:
    if not abroad:
        return product.rate
    if abroad == "EU":
        return "np II" if product.is_service else "0 WDT"
    return "np I" if product.is_service else "0 EX"


def sum_up(lines: Iterable[Line]) -> Sums:
    net: dict[str, int] = {}
    for line in lines:
        net[line.rate] = net.get(line.rate, 0) + line.net
    return Sums(net, {rate: divide(amount * _SUMMARY[rate][1], 100) for rate, amount in net.items()})


def share_of(sums: Sums, per_cent: int) -> Sums:
    """An advance of so much of the gross amounts; its tax is counted from the gross."""
    net, tax = {}, {}
    for rate, amount in sums.net.items():
        gross = divide((amount + sums.tax[rate]) * per_cent, 100)
        percentage = _SUMMARY[rate][1]
        tax[rate] = divide(gross * percentage, 100 + percentage)
        net[rate] = gross - tax[rate]
    return Sums(net, tax)


def difference(after: Sums, before: Sums) -> Sums:
    rates = {**after.net, **before.net}
    net = {rate: after.net.get(rate, 0) - before.net.get(rate, 0) for rate in rates}
    tax = {rate: after.tax.get(rate, 0) - before.tax.get(rate, 0) for rate in rates}
    return Sums(net, tax)


def write_summary(sums: Sums, paid_in: Money) -> tuple[str, int, int, int]:
    """
    Write the tax summary.

    :returns: the fields P_13, P_14 and P_15; net and gross in the invoice's currency, tax in PLN.
    """
    fields = []
    net = gross = pln_tax = 0
    for rate, (field, percentage) in _SUMMARY.items():
        if rate not in sums.net:
            continue
        amount, tax = sums.net[rate], sums.tax[rate]
        net += amount
        gross += amount + tax
        fields.append(f"<P_13_{field}>{money(amount)}</P_13_{field}>")
        if not percentage:
            continue
        fields.append(f"<P_14_{field}>{money(tax)}</P_14_{field}>")
        if paid_in.rate:
            tax = divide(tax * paid_in.rate, 1_000_000)
            fields.append(f"<P_14_{field}W>{money(tax)}</P_14_{field}W>")
        pln_tax += tax
    fields.append(f"<P_15>{money(gross)}</P_15>")
    return "".join(fields), net, gross, pln_tax


def write_line(number: int, line: Line, rate: str, *, after: str = "") -> str:
    """
    :param rate: the element with the exchange rate, or nothing.
    :param after: what follows, such as the mark of a line before its correction.
    """
    product = line.product
    return (
        f"<FaWiersz><NrWierszaFa>{number}</NrWierszaFa>{product.xml}{quantity(line.quantity)}</P_8B>"
        f"<P_9A>{money(line.price)}</P_9A><P_11>{money(line.net)}</P_11><P_12>{line.rate}</P_12>"
        f"{product.gtu}{rate}{after}</FaWiersz>"
    )


def write_order(lines: list[Line], before: list[Line] | None = None) -> str:
    """The ``Zamowienie`` that an advance is paid for; with its state before, where that is corrected."""
    rows = [
        _order_line(number, line, "<StanPrzedZ>1</StanPrzedZ>") for number, line in enumerate(before or (), 1)
    ]
    rows += [_order_line(number, line, "") for number, line in enumerate(lines, len(rows) + 1)]
    sums = sum_up(lines)
    value = sum(sums.net.values()) + sum(sums.tax.values())
    return f"<Zamowienie><WartoscZamowienia>{money(value)}</WartoscZamowienia>{''.join(rows)}</Zamowienie>"


def _order_line(number: int, line: Line, after: str) -> str:
    tax = divide(line.net * _SUMMARY[line.rate][1], 100)
    return (
        f"<ZamowienieWiersz><NrWierszaZam>{number}</NrWierszaZam>{line.product.order_xml}"
        f"{quantity(line.quantity)}</P_8BZ><P_9AZ>{money(line.price)}</P_9AZ>"
        f"<P_11NettoZ>{money(line.net)}</P_11NettoZ><P_11VatZ>{money(tax)}</P_11VatZ>"
        f"<P_12Z>{line.rate}</P_12Z>{after}</ZamowienieWiersz>"
    )
