"""Check digits and roundings of the synthetic invoices."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.emulator.numbers import crc8
from airflow_provider_ksef.emulator.synthetic import synthesize
from airflow_provider_ksef.emulator.synthetic.companies import BUYERS, SELLERS
from airflow_provider_ksef.emulator.synthetic.dice import Dice
from airflow_provider_ksef.emulator.synthetic.identifiers import bank_account, internal_id, nip_from
from airflow_provider_ksef.emulator.synthetic.writing import divide, money

CENT = Decimal("0.01")


def test_internal_identifiers_have_the_check_of_a_live_one() -> None:
    assert internal_id("6824515772", 1234) == "6824515772-12343"


def test_the_next_nip_is_found_at_once_where_a_million_have_none() -> None:
    assert nip_from(100_000_000) == "1010000002"
    assert nip_from(525_000_121) == "5250001210"


def test_references_to_other_invoices_have_right_check_digits() -> None:
    numbers = [
        number
        for index in range(1500)
        for number in re.findall(
            r"<NrKSeFFa\w+>([^<]*)<",
            synthesize("5250001210", "Subject2", index, 1, date(2026, 3, 1)).xml.decode(),
        )
    ]
    assert len(numbers) > 50
    assert all(number[-2:] == crc8(number[:32]) for number in numbers)
    assert crc8("5265877635-20250826-0100001AF629") == "AF"


def test_bank_accounts_divide_as_an_iban_must() -> None:
    for seller in SELLERS:
        assert int(f"{seller.account[2:]}2521{seller.account[:2]}") % 97 == 1
    assert len(bank_account(1, 1)) == 26


@given(number=st.integers(-(10**12), 10**12), by=st.sampled_from([100, 123, 1000, 1_000_000]))
def test_division_rounds_half_away_from_zero(number: int, by: int) -> None:
    assert divide(number, by) == (Decimal(number) / by).quantize(Decimal(1), ROUND_HALF_UP)


@given(amount=st.integers(-(10**14), 10**14))
def test_money_is_written_exactly(amount: int) -> None:
    assert Decimal(money(amount)) == Decimal(amount) / 100
    assert re.fullmatch(r"-?([1-9]\d{0,15}|0)\.\d\d", money(amount))


@given(low=st.integers(-(10**9), 10**9), span=st.integers(0, 2**48), key=st.text(max_size=5))
def test_dice_stay_between_their_bounds(low: int, span: int, key: str) -> None:
    dice = Dice(key)
    assert all(low <= dice.between(low, low + span) <= low + span for _ in range(20))


def field(document: str, name: str) -> Decimal | None:
    found = re.search(f"<{name}>([^<]*)<", document)
    return Decimal(found[1]) if found else None


def test_tax_is_the_rate_of_each_sum_and_in_pln_at_the_stated_exchange_rate() -> None:
    foreign = 0
    for index in range(1500):
        invoice = synthesize("5250001210", "Subject1", index, 4, date(2026, 3, 1))
        if invoice.facts.invoice_type not in ("Vat", "Upr"):
            continue
        text = invoice.xml.decode()
        for place, rate in (("1", 23), ("2", 8), ("3", 5)):
            net, tax = field(text, f"P_13_{place}"), field(text, f"P_14_{place}")
            if net is None or tax is None:
                continue
            assert tax == (net * rate / 100).quantize(CENT, ROUND_HALF_UP)
            in_pln, exchange_rate = field(text, f"P_14_{place}W"), field(text, "KursWaluty")
            assert (in_pln is None) == (exchange_rate is None) == (invoice.facts.currency == "PLN")
            if in_pln is not None and exchange_rate is not None:
                foreign += 1
                assert in_pln == (tax * exchange_rate).quantize(CENT, ROUND_HALF_UP)
    assert foreign > 10


@pytest.mark.parametrize("nip", [SELLERS[0].nip, BUYERS[0].nip])
def test_a_company_of_the_pool_does_not_meet_itself(nip: str) -> None:
    for role in ("Subject1", "Subject2", "Subject3", "SubjectAuthorized"):
        for index in range(300):
            facts = synthesize(nip, role, index, 1, date(2026, 3, 1)).facts
            authorized = [facts.authorized_subject.nip] if facts.authorized_subject else []
            thirds = [third.value for third in facts.third_subjects]
            everyone = [facts.seller_nip, facts.buyer_value, *thirds, *authorized]
            assert everyone.count(nip) == 1
