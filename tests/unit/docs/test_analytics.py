"""The analytics guide, run as it stands: SQL and pandas give what is true of the sample."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.tables.documents import stage_documents
from tests.unit.docs.analytics_page import QUESTIONS, Answers, answer_by_pandas, answer_by_sql
from tests.unit.docs.invoice_facts import MILL, SHOP, Invoice, to_cent
from tests.unit.docs.sample_invoices import BALTIC, GROUPS, INVOICES, WATERMARKS
from tests.unit.docs.sample_tables import put_sample
from tests.unit.tables.document_packages import fa, package
from tests.unit.tables.tiny import put


@pytest.fixture(scope="module", params=["SQL", "pandas", "pandas on Delta"])
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    root, disk = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("worker")
    put_sample(UPath(root), disk, "delta" if "Delta" in request.param else "parquet")
    return answer_by_sql(root) if request.param == "SQL" else answer_by_pandas(root)


def bought() -> list[tuple[str, Invoice]]:
    """Give what our companies bought, with the context that bought it."""
    return [(f"nip-{each.buyer}", each) for each in INVOICES if each.buyer in (MILL, SHOP)]


def vat_by_rate_and_month() -> Iterator[tuple[Any, ...]]:
    groups: dict[tuple[str, ...], list[tuple[Decimal, Decimal, bool, bool]]] = defaultdict(list)
    for context, each in bought():
        if each.document == "whole":
            for rate, (net, _, vat_pln) in each.sums.items():
                is_foreign = each.currency != "PLN"
                is_unknown = is_foreign and not each.states_vat_pln
                known = Decimal() if is_unknown else vat_pln
                groups[context, each.received_in, *GROUPS[rate]].append((net, known, is_foreign, is_unknown))
    for key, sums in sorted(groups.items()):
        foreign = sum(is_foreign for *_, is_foreign, _ in sums)
        net = sum((net for net, _, is_foreign, _ in sums if not is_foreign), Decimal())
        vat = sum((vat for _, vat, *_ in sums), Decimal())
        yield (*key, len(sums), foreign, net, vat, sum(is_unknown for *_, is_unknown in sums))


def foreign_currency() -> Iterator[tuple[Any, ...]]:
    groups: dict[tuple[str, str], list[Invoice]] = defaultdict(list)
    for context, each in bought():
        if each.currency != "PLN":
            groups[context, each.currency].append(each)
    for key, all_of_it in sorted(groups.items()):
        lines = [(line.net, each.exchange_rate) for each in all_of_it for line in each.lines]
        yield (
            *key,
            len(all_of_it),
            sum(each.gross for each in all_of_it),
            sum(each.vat_pln for each in all_of_it),
            sum((to_cent(net * Decimal(rate)) for net, rate in lines if rate), Decimal()),
            sum(rate is None for _, rate in lines),
        )


def supplier_concentration() -> Iterator[tuple[Any, ...]]:
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for context, each in bought():
        sums[context, each.currency, each.seller] += each.net
        totals[context, each.currency] += each.net
    order = sorted(sums.items(), key=lambda item: (item[0][:2], -item[1]))
    for (context, currency, seller), net in order:
        yield context, currency, seller, net, float(round(net / totals[context, currency], 4))


def self_invoicing() -> Iterator[tuple[Any, ...]]:
    [rent] = [each for each in INVOICES if each.is_self_invoicing]
    yield f"nip-{SHOP}", "Subject1", MILL, 1, rent.vat_pln
    yield f"nip-{MILL}", "Subject2", SHOP, 1, rent.vat_pln


def missing_counterparties() -> Iterator[tuple[Any, ...]]:
    yield f"nip-{MILL}", BALTIC


def price_changes() -> Iterator[tuple[Any, ...]]:
    last: dict[tuple[str, str, str], Decimal] = {}
    changes = []
    for context, each in sorted(bought(), key=lambda one: (one[1].issued, one[1].received)):
        for line in each.lines if not each.corrects and each.document == "whole" else ():
            item, price = (context, each.seller, line.item), Decimal(line.price)
            before = last.get(item, price)
            if price != before:
                changes.append((*item, each.currency, each.issued, before, price, price - before))
            last[item] = price
    yield from sorted(changes)


def received_in_another_month() -> Iterator[tuple[Any, ...]]:
    groups: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for context, each in bought():
        if f"{each.issued:%Y-%m}" != each.received_in:
            groups[context, f"{each.issued:%Y-%m}", each.received_in].append(each.vat_pln)
    for key, vat in sorted(groups.items()):
        yield (*key, len(vat), sum(vat))


def the_same_invoice_twice() -> Iterator[tuple[Any, ...]]:
    first, second = _numbered("B/3/2026"), _numbered("B 3/2026")
    yield f"nip-{MILL}", BALTIC, first.gross, "PLN", f"{first.ksef_number}, {second.ksef_number}"


def month_complete() -> Iterator[tuple[Any, ...]]:
    complete = {(f"nip-{MILL}", "Subject1"), (f"nip-{MILL}", "Subject2"), (f"nip-{SHOP}", "Subject3")}
    for key, position in sorted(WATERMARKS.items()):
        yield (*key, position, key in complete)


def documents_missing() -> Iterator[tuple[Any, ...]]:
    problems = {"none": "missing", "broken": "unreadable", "pef": "form not read"}
    found = [(context, each) for context, each in bought() if each.document in problems]
    for context, each in sorted(found, key=lambda one: -one[1].gross):
        yield context, each.ksef_number, each.currency, each.gross, problems[each.document]


def each_invoice_once() -> Iterator[tuple[Any, ...]]:
    assert {len(each.roles) for each in INVOICES} == {1, 2}
    for currency in sorted({each.currency for each in INVOICES}):
        mine = [each for each in INVOICES if each.currency == currency]
        several = sum(len(each.roles) > 1 for each in mine)
        yield currency, len(mine), several, sum(one.gross for one in mine), sum(one.vat_pln for one in mine)


def corrections() -> Iterator[tuple[Any, ...]]:
    for context, each in sorted(bought(), key=lambda one: one[1].ksef_number):
        for said in each.corrects:
            original = _numbered(said.number) if said.is_in_ksef else None
            known = (original.ksef_number, original.number, original.gross) if original else (None,) * 3
            yield (context, each.ksef_number, said.issued, *known)


def late_corrections() -> Iterator[tuple[Any, ...]]:
    for number, days in {"B/K/1": 56, "T/0/K": 50}.items():
        each = _numbered(number)
        first = min(said.issued for said in each.corrects)
        yield f"nip-{MILL}", each.seller, each.ksef_number, first, each.ksef_date, days, each.vat_pln


def due() -> Iterator[tuple[Any, ...]]:
    groups: dict[tuple[str, date, str], list[Decimal]] = defaultdict(list)
    for context, each in bought():
        if each.due:
            groups[context, each.due, each.currency].append(each.gross)
    for key, gross in sorted(groups.items()):
        yield (*key, len(gross), sum(gross))


def _numbered(number: str) -> Invoice:
    [found] = [each for each in INVOICES if each.number == number]
    return found


EXPECTED: dict[str, Callable[[], Iterator[tuple[Any, ...]]]] = {
    "VAT by rate and month": vat_by_rate_and_month,
    "Foreign currency in PLN": foreign_currency,
    "Supplier concentration": supplier_concentration,
    "Self-invoicing": self_invoicing,
    "Missing counterparties": missing_counterparties,
    "Price changes by line item": price_changes,
    "Received in another month than issued": received_in_another_month,
    "The same invoice twice": the_same_invoice_twice,
    "Is the month complete?": month_complete,
    "Documents missing or unreadable": documents_missing,
    "All roles, each invoice once": each_invoice_once,
    "From a correction to its original": corrections,
    "Late corrections": late_corrections,
    "What falls due when": due,
}


def test_each_question_of_the_page_has_an_expectation() -> None:
    assert [section.title for section in QUESTIONS] == list(EXPECTED)


@pytest.mark.parametrize("title", EXPECTED)
def test_each_way_gives_the_expected_answer(answers: Answers, title: str) -> None:
    expected = list(EXPECTED[title]())
    assert expected
    assert answers[title].rows == expected
    for row, truth in zip(answers[title].rows, expected, strict=True):
        assert [isinstance(value, Decimal) for value in row] == [
            isinstance(value, Decimal) for value in truth
        ]


def test_tax_sums_come_to_what_the_metadata_says(answers: Answers) -> None:
    by_rate = sum(row[-2] for row in answers["VAT by rate and month"].rows)
    assert by_rate == sum(
        each.vat_pln for _, each in bought() if each.document == "whole" and each.states_vat_pln
    )


def test_tables_that_hold_nothing_of_a_question_answer_with_no_row(tmp_path: Path) -> None:
    root, disk = tmp_path / "tables", tmp_path / "worker"
    disk.mkdir()
    body = "<KodWaluty>PLN</KodWaluty><P_13_1>43.6</P_13_1><P_14_1>10.03</P_14_1><P_15>53.63</P_15>"
    body += "<FaWiersz><P_7>Flour</P_7><P_9A>43.6</P_9A><P_11>43.6</P_11><P_12>23</P_12></FaWiersz>"
    one = package(fa(body))
    staged = stage_documents(one.zip(), one.invoices, disk)
    put(UPath(root), "2026-03-01", "2026-04-01", one.invoices, staged=staged.files)
    by_sql, by_pandas = answer_by_sql(root), answer_by_pandas(root)
    assert {title: by_pandas[title].rows for title in EXPECTED} == {
        title: by_sql[title].rows for title in EXPECTED
    }
    assert len(by_sql["VAT by rate and month"].rows) == 1
    assert by_sql["Late corrections"].rows == []
