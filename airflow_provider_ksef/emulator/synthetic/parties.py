"""Who stands on an invoice: seller, buyer, third parties, authorized subject."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.documents import AuthorizedSubject, ThirdSubject
from airflow_provider_ksef.emulator.synthetic.companies import (
    BUYERS,
    EU_BUYERS,
    OVERSEAS_BUYERS,
    SELLER_WEIGHTS,
    SELLERS,
    Company,
    Foreigner,
)
from airflow_provider_ksef.emulator.synthetic.dice import Dice, running_totals
from airflow_provider_ksef.emulator.synthetic.goods import TRADES
from airflow_provider_ksef.emulator.synthetic.identifiers import bank_account, internal_id
from airflow_provider_ksef.emulator.synthetic.writing import xml_text

_OWN_ADDRESS = "<AdresL1>ul. Wspólna 1/3</AdresL1><AdresL2>00-529 Warszawa</AdresL2>"
_OWN_NAME = "Przedsiębiorstwo Przykładowe „Gęś & Źdźbło” Sp. z o.o."
_TRADE_NAMES = tuple(TRADES)
_CITIZENS = ("Zofia Święcicka", "Łukasz Dąbrowski", "Michał O'Brien-Żuk", "Grażyna Brzęczyszczykiewicz")

_BUYER_KINDS = ("company", "eu", "overseas", "citizen")
_BUYER_WEIGHTS = running_totals((780, 90, 50, 80))

_THIRD_ROLES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0)
_THIRD_WEIGHTS = running_totals((18, 30, 3, 8, 6, 12, 3, 10, 2, 3, 4, 4))


@dataclass(frozen=True)
class Buyer:
    """:param abroad: empty for a buyer in Poland, ``EU`` or ``world`` otherwise."""

    type: str
    value: str | None
    name: str | None
    xml: str
    abroad: str
    currency: str


@dataclass(frozen=True)
class Parties:
    """:param xml: everything between header and body."""

    seller: Company
    buyer: Buyer
    third_subjects: tuple[ThirdSubject, ...]
    authorized_subject: AuthorizedSubject | None
    xml: str


def choose_parties(dice: Dice, nip: str, subject_type: str, *, only_domestic: bool) -> Parties:
    """
    :param subject_type: the role in which ``nip`` is on the invoice.
    :param only_domestic: the buyer is a Polish company.
    """
    own = _own_company(nip)
    seller = (
        own if subject_type == "Subject1" else _not(nip, dice.pick_weighted(SELLERS, SELLER_WEIGHTS), SELLERS)
    )
    if subject_type == "Subject2":
        buyer = _company_as_buyer(own, dice)
    else:
        kind = "company" if only_domestic else dice.pick_weighted(_BUYER_KINDS, _BUYER_WEIGHTS)
        buyer = _choose_buyer(dice, kind, nip)
    thirds = [_third(dice, own.nip, own.name, own.xml_name)] if subject_type == "Subject3" else []
    if dice.chance(110):
        thirds += [_some_third(dice, nip, buyer) for _ in range(dice.between(1, 3))]
    authorized, authorized_xml = _choose_authorized(
        dice, own if subject_type == "SubjectAuthorized" else None, nip
    )
    xml = f"{_seller_xml(seller)}{buyer.xml}{''.join(each_xml for _, each_xml in thirds)}{authorized_xml}"
    return Parties(seller, buyer, tuple(third for third, _ in thirds), authorized, xml)


def _own_company(nip: str) -> Company:
    trade = _TRADE_NAMES[int(nip[-3:]) % len(_TRADE_NAMES)]
    return Company(
        nip, _OWN_NAME, xml_text(_OWN_NAME), _OWN_ADDRESS, bank_account(10_100_000, int(nip)), trade
    )


def _not(nip: str, company: Company, others: tuple[Company, ...]) -> Company:
    return company if company.nip != nip else next(other for other in others if other.nip != nip)


def _seller_xml(seller: Company) -> str:
    return (
        f"<Podmiot1><DaneIdentyfikacyjne><NIP>{seller.nip}</NIP><Nazwa>{seller.xml_name}</Nazwa>"
        f"</DaneIdentyfikacyjne><Adres><KodKraju>PL</KodKraju>{seller.address}</Adres>"
        f"<DaneKontaktowe><Email>faktury@{seller.nip}.example</Email></DaneKontaktowe></Podmiot1>"
    )


def _choose_buyer(dice: Dice, kind: str, nip: str) -> Buyer:
    if kind == "company":
        return _company_as_buyer(_not(nip, dice.pick(BUYERS), BUYERS), dice)
    if kind == "eu":
        firm = dice.pick(EU_BUYERS)
        identity = f"<KodUE>{firm.country}</KodUE><NrVatUE>{firm.number}</NrVatUE>"
        return _foreign_buyer(firm, "VatUe", firm.country + firm.number, identity, "EU")
    if kind == "overseas":
        firm = dice.pick(OVERSEAS_BUYERS)
        identity = f"<KodKraju>{firm.country}</KodKraju><NrID>{firm.number}</NrID>"
        return _foreign_buyer(firm, "Other", firm.number, identity, "world")
    return _citizen(dice)


def _company_as_buyer(company: Company, dice: Dice) -> Buyer:
    is_public = "Gmina" in company.name or "Szkoła" in company.name
    client = f"<NrKlienta>{dice.between(1000, 99999)}</NrKlienta>" if dice.chance(300) else ""
    xml = (
        f"<Podmiot2><DaneIdentyfikacyjne><NIP>{company.nip}</NIP><Nazwa>{company.xml_name}</Nazwa>"
        f"</DaneIdentyfikacyjne><Adres><KodKraju>PL</KodKraju>{company.address}</Adres>{client}"
        f"<JST>{1 if is_public else 2}</JST><GV>2</GV></Podmiot2>"
    )
    roll = dice.below(1000)
    currency = "PLN" if roll < 925 else "EUR" if roll < 975 else "USD" if roll < 993 else "CZK"
    return Buyer("Nip", company.nip, company.name, xml, "", currency)


def _foreign_buyer(firm: Foreigner, kind: str, value: str, identity: str, abroad: str) -> Buyer:
    country = "GR" if firm.country == "EL" else firm.country
    xml = (
        f"<Podmiot2><DaneIdentyfikacyjne>{identity}<Nazwa>{firm.xml_name}</Nazwa></DaneIdentyfikacyjne>"
        f"<Adres><KodKraju>{country}</KodKraju><AdresL1>{firm.xml_name}</AdresL1></Adres>"
        "<JST>2</JST><GV>2</GV></Podmiot2>"
    )
    return Buyer(kind, value, firm.name, xml, abroad, firm.currency)


def _citizen(dice: Dice) -> Buyer:
    name = dice.pick(_CITIZENS) if dice.chance(800) else None
    name_xml = f"<Nazwa>{xml_text(name)}</Nazwa>" if name else ""
    xml = (
        f"<Podmiot2><DaneIdentyfikacyjne><BrakID>1</BrakID>{name_xml}</DaneIdentyfikacyjne>"
        "<JST>2</JST><GV>2</GV></Podmiot2>"
    )
    return Buyer("None", None, name, xml, "", "PLN")


def _third(dice: Dice, nip: str, name: str, xml_name: str) -> tuple[ThirdSubject, str]:
    role = dice.pick_weighted(_THIRD_ROLES, _THIRD_WEIGHTS)
    return ThirdSubject("Nip", nip, name, role), _third_xml(f"<NIP>{nip}</NIP>", xml_name, role)


def _some_third(dice: Dice, nip: str, buyer: Buyer) -> tuple[ThirdSubject, str]:
    roll = dice.below(100)
    if roll < 55:
        company = _not(nip, dice.pick(BUYERS), BUYERS)
        return _third(dice, company.nip, company.name, company.xml_name)
    if roll < 75:
        owner = buyer.value if buyer.type == "Nip" and buyer.value else dice.pick(BUYERS).nip
        unit = internal_id(owner, dice.below(10_000))
        role = 8 if dice.chance(500) else 10
        third = ThirdSubject("InternalId", unit, "Oddział nr 3", role)
        return third, _third_xml(f"<IDWew>{unit}</IDWew>", "Oddział nr 3", role)
    if roll < 85:
        firm = dice.pick(EU_BUYERS)
        identity = f"<KodUE>{firm.country}</KodUE><NrVatUE>{firm.number}</NrVatUE>"
        third = ThirdSubject("VatUe", firm.country + firm.number, firm.name, 2)
        return third, _third_xml(identity, firm.xml_name, 2)
    if roll < 92:
        firm = dice.pick(OVERSEAS_BUYERS)
        third = ThirdSubject("Other", firm.number, firm.name, 4)
        return third, _third_xml(f"<NrID>{firm.number}</NrID>", firm.xml_name, 4)
    name = dice.pick(_CITIZENS)
    return ThirdSubject("None", None, name, 11), _third_xml("<BrakID>1</BrakID>", xml_text(name), 11)


def _third_xml(identity: str, xml_name: str, role: int) -> str:
    in_words = "<RolaInna>1</RolaInna><OpisRoli>Gwarant zapłaty &amp; poręczyciel</OpisRoli>"
    return (
        f"<Podmiot3><DaneIdentyfikacyjne>{identity}<Nazwa>{xml_name}</Nazwa></DaneIdentyfikacyjne>"
        f"{f'<Rola>{role}</Rola>' if role else in_words}</Podmiot3>"
    )


def _choose_authorized(dice: Dice, own: Company | None, nip: str) -> tuple[AuthorizedSubject | None, str]:
    if own is None and not dice.chance(12):
        return None, ""
    company = own or _not(nip, dice.pick(BUYERS), BUYERS)
    role = 3 if dice.chance(800) else dice.between(1, 2)
    xml = (
        f"<PodmiotUpowazniony><DaneIdentyfikacyjne><NIP>{company.nip}</NIP><Nazwa>{company.xml_name}</Nazwa>"
        f"</DaneIdentyfikacyjne><Adres><KodKraju>PL</KodKraju>{company.address}</Adres>"
        f"<RolaPU>{role}</RolaPU></PodmiotUpowazniony>"
    )
    return AuthorizedSubject(company.nip, company.name, role), xml
