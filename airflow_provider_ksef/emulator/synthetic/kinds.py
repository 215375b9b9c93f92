"""The kinds of invoice: sale, correction, advance, settlement, simplified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from airflow_provider_ksef.emulator.numbers import make_ksef_number
from airflow_provider_ksef.emulator.synthetic.dice import Dice
from airflow_provider_ksef.emulator.synthetic.goods import TRADES
from airflow_provider_ksef.emulator.synthetic.lines import (
    Line,
    Money,
    Sums,
    choose_lines,
    difference,
    share_of,
    sum_up,
    write_line,
    write_order,
)
from airflow_provider_ksef.emulator.synthetic.parties import Parties

_BEFORE = "<StanPrzed>1</StanPrzed>"
_REASONS = (
    "Zwrot towaru",
    "Błędna cena jednostkowa",
    "Rabat potransakcyjny &amp; bonus",
    "Reklamacja – towar uszkodzony w &lt;transporcie&gt;",
    "Pomyłka w ilości",
)


@dataclass(frozen=True)
class Scene:
    """What is settled before the kind of invoice matters."""

    parties: Parties
    money: Money
    issue_date: date


@dataclass(frozen=True)
class Body:
    """
    What a kind of invoice brings: its sums, and its parts in the order of the schema.

    :param correction: the block on what is corrected.
    :param advances: references to the advance invoices that are settled.
    """

    sums: Sums
    correction: str = ""
    advances: str = ""
    lines: str = ""
    order: str = ""


def _lines(dice: Dice, scene: Scene, most: int) -> list[Line]:
    roll = dice.below(100)
    count = 1 if roll < 35 else dice.between(2, 4) if roll < 72 else dice.between(5, 10)
    if roll >= 94:
        count = dice.between(11, 20)
    buyer = scene.parties.buyer
    products = TRADES[scene.parties.seller.trade]
    return choose_lines(dice, products, min(count, most), buyer.abroad, scene.money)


def _written(lines: list[Line], money: Money) -> str:
    rate = money.line_rate
    return "".join([write_line(number, line, rate) for number, line in enumerate(lines, 1)])


def sale(dice: Dice, scene: Scene) -> Body:
    lines = _lines(dice, scene, 20)
    if dice.chance(8):
        lines = [replace(lines[0], quantity=1000, price=dice.between(1, 80))]
    return Body(sum_up(lines), lines=_written(lines, scene.money))


def simplified(dice: Dice, scene: Scene) -> Body:
    """Up to 450 PLN gross, so one cheap thing."""
    line = _lines(dice, scene, 1)[0]
    line.quantity = 1000 * dice.between(1, 3)
    line.price = dice.between(1, 12_000)
    return Body(sum_up([line]), lines=_written([line], scene.money))


def correction(dice: Dice, scene: Scene) -> Body:
    roll = dice.below(100)
    block = _corrected(dice, scene, "FV")
    if roll < 12:
        return Body(Sums({}, {}), correction=block)
    lines = _lines(dice, scene, 6)
    if roll < 25:
        rebate = [replace(line, quantity=-max(1, line.quantity // 20)) for line in lines]
        return Body(sum_up(rebate), correction=block)
    after = [_changed(dice, line) for line in lines]
    rate, written, number = scene.money.line_rate, [], 0
    for old, new in zip(lines, after, strict=True):
        written.append(write_line(number + 1, old, rate, after=_BEFORE))
        written.append(write_line(number + 2, new, rate))
        number += 2
    return Body(difference(sum_up(after), sum_up(lines)), correction=block, lines="".join(written))


def advance(dice: Dice, scene: Scene) -> Body:
    lines = _lines(dice, scene, 4)
    return Body(share_of(sum_up(lines), _share(dice)), order=write_order(lines))


def settlement(dice: Dice, scene: Scene) -> Body:
    lines = _lines(dice, scene, 8)
    paid = share_of(sum_up(lines), 100 if dice.chance(100) else _share(dice))
    written = _written(lines, scene.money)
    return Body(difference(sum_up(lines), paid), advances=_advance(dice, scene), lines=written)


def corrected_advance(dice: Dice, scene: Scene) -> Body:
    lines = _lines(dice, scene, 3)
    share = _share(dice)
    after = [_changed(dice, line) for line in lines]
    sums = difference(share_of(sum_up(after), share), share_of(sum_up(lines), share))
    return Body(sums, correction=_corrected(dice, scene, "ZAL"), order=write_order(after, lines))


def corrected_settlement(dice: Dice, scene: Scene) -> Body:
    body = correction(dice, scene)
    return replace(body, advances=_advance(dice, scene))


KINDS: dict[str, Callable[[Dice, Scene], Body]] = {
    "VAT": sale,
    "KOR": correction,
    "ZAL": advance,
    "ROZ": settlement,
    "UPR": simplified,
    "KOR_ZAL": corrected_advance,
    "KOR_ROZ": corrected_settlement,
}


def _share(dice: Dice) -> int:
    return dice.pick((10, 20, 25, 30, 50, 80))


def _changed(dice: Dice, line: Line) -> Line:
    roll = dice.below(100)
    if roll < 20:
        return replace(line, quantity=0)
    if roll < 60:
        return replace(line, quantity=dice.between(0, line.quantity))
    if roll < 85:
        return replace(line, price=line.price * dice.between(70, 99) // 100)
    if roll < 95:
        return replace(line, price=line.price * dice.between(101, 115) // 100 + 1)
    return line


def _corrected(dice: Dice, scene: Scene, prefix: str) -> str:
    originals = "".join([_original(dice, scene, prefix) for _ in range(1 + (dice.below(8) == 0))])
    reason = f"<PrzyczynaKorekty>{dice.pick(_REASONS)}</PrzyczynaKorekty>" if dice.chance(850) else ""
    return f"{reason}<TypKorekty>{dice.between(1, 3)}</TypKorekty>{originals}"


def _original(dice: Dice, scene: Scene, prefix: str) -> str:
    day = scene.issue_date - timedelta(days=dice.between(1, 120))
    number = f"{prefix}/{day.year}/{day.month:02d}/{dice.between(1, 99999)}"
    source = "<NrKSeFN>1</NrKSeFN>"
    if dice.chance(750):
        reference = _ksef_number(dice, scene, day)
        source = f"<NrKSeF>1</NrKSeF><NrKSeFFaKorygowanej>{reference}</NrKSeFFaKorygowanej>"
    return (
        f"<DaneFaKorygowanej><DataWystFaKorygowanej>{day}</DataWystFaKorygowanej>"
        f"<NrFaKorygowanej>{number}</NrFaKorygowanej>{source}</DaneFaKorygowanej>"
    )


def _advance(dice: Dice, scene: Scene) -> str:
    day = scene.issue_date - timedelta(days=dice.between(5, 90))
    if dice.chance(250):
        inner = (
            f"<NrKSeFZN>1</NrKSeFZN><NrFaZaliczkowej>ZAL/{day.year}/{dice.between(1, 9999)}</NrFaZaliczkowej>"
        )
    else:
        inner = f"<NrKSeFFaZaliczkowej>{_ksef_number(dice, scene, day)}</NrKSeFFaZaliczkowej>"
    return f"<FakturaZaliczkowa>{inner}</FakturaZaliczkowa>"


def _ksef_number(dice: Dice, scene: Scene, day: date) -> str:
    technical = f"{dice.between(1, (1 << 48) - 1):012X}"
    return make_ksef_number(scene.parties.seller.nip, day, technical)
