"""One synthetic FA(3) invoice: the frame around its parties and its body."""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256

from airflow_provider_ksef.emulator.documents import FORMS, INVOICE_TYPES, InvoiceFacts
from airflow_provider_ksef.emulator.synthetic.companies import Company
from airflow_provider_ksef.emulator.synthetic.dice import Dice, running_totals
from airflow_provider_ksef.emulator.synthetic.kinds import KINDS, Body, Scene
from airflow_provider_ksef.emulator.synthetic.lines import choose_money, write_summary
from airflow_provider_ksef.emulator.synthetic.parties import Parties, choose_parties
from airflow_provider_ksef.emulator.synthetic.writing import exchange_rate, money

_KINDS = ("VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL", "KOR_ROZ")
_KIND_WEIGHTS = running_totals((790, 95, 40, 30, 25, 10, 10))
_ONLY_DOMESTIC = {"UPR"}

_FIRST_CREATION_DAY = date(2025, 9, 1)  # the schema lets no FA(3) be made earlier
_SPLIT_PAYMENT_FROM = 1_500_000

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"><Naglowek>'
    '<KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>'
    "<WariantFormularza>3</WariantFormularza><DataWytworzeniaFa>"
)
_ATTACHMENT = (
    "<Zalacznik><BlokDanych><ZNaglowek>Zestawienie punktów poboru</ZNaglowek><MetaDane><ZKlucz>PPE</ZKlucz>"
    "<ZWartosc>590310600000000017</ZWartosc></MetaDane><Tekst><Akapit>Odczyt zdalny &amp; rozliczenie roczne."
    "</Akapit></Tekst></BlokDanych></Zalacznik>"
)
_NOTES = (
    "",
    "",
    "",
    "<DodatkowyOpis><Klucz>Nr zlecenia</Klucz><Wartosc>ZL/77 &amp; aneks „B”</Wartosc></DodatkowyOpis>",
    "<DodatkowyOpis><Klucz>Uwaga</Klucz><Wartosc>Zażółć gęślą jaźń &lt;pilne&gt;</Wartosc></DodatkowyOpis>",
)
_FOOTER = "<Stopka><Informacje><StopkaFaktury>{}</StopkaFaktury></Informacje>{}</Stopka>"
_REGISTERS = "<Rejestry><KRS>0000123456</KRS><REGON>123456785</REGON><BDO>000012345</BDO></Rejestry>"
_FOOTERS = (
    "",
    _FOOTER.format("Dziękujemy za współpracę!", ""),
    _FOOTER.format("Kapitał zakładowy 50&#160;000 zł, wpłacony w całości", _REGISTERS),
)
_NUMBER_STYLES = (
    "{kind}/{year}/{month:02d}/{index:06d}/{series}",
    "{index}/{kind}/{series}/{month:02d}/{year}",
    "{kind}-{series}-{year}{month:02d}-{index:07d}",
    "{series}/{index} {kind} {year}",
)


@dataclass(frozen=True)
class SyntheticInvoice:
    """A document and what KSeF would read from it."""

    xml: bytes
    facts: InvoiceFacts


def synthesize(nip: str, subject_type: str, index: int, seed: int, issue_date: date) -> SyntheticInvoice:
    """
    Make one invented invoice; the same arguments give the same bytes everywhere.

    :param nip: the company that shall be on it.
    :param subject_type: in which role: Subject1 seller, Subject2 buyer, Subject3 third party,
        SubjectAuthorized authorized subject.
    :param index: which one of the series that ``nip``, ``subject_type`` and ``seed`` name; it is part of the
        invoice number, so that no two invoices of a series share one.
    """
    dice = Dice(f"{seed}|{nip}|{subject_type}|{index}")
    kind = dice.pick_weighted(_KINDS, _KIND_WEIGHTS)
    parties = choose_parties(dice, nip, subject_type, only_domestic=kind in _ONLY_DOMESTIC)
    paid_in = choose_money(dice, "PLN" if kind in _ONLY_DOMESTIC else parties.buyer.currency)
    body = KINDS[kind](dice, Scene(parties, paid_in, issue_date))
    number = _number(parties.seller, kind, index, _series(seed, nip, subject_type), issue_date)
    summary, net, gross, tax = write_summary(body.sums, paid_in)
    is_self_invoicing = parties.buyer.type == "Nip" and dice.chance(40)
    has_attachment = dice.chance(10)
    advance_rate = (
        f"<KursWalutyZ>{exchange_rate(paid_in.rate)}</KursWalutyZ>" if paid_in.rate and body.order else ""
    )
    xml = "".join(
        (
            _HEAD,
            _created(dice, issue_date),
            parties.xml,
            f"<Fa><KodWaluty>{paid_in.currency}</KodWaluty><P_1>{issue_date}</P_1><P_1M>Łódź</P_1M>",
            f"<P_2>{number}</P_2>{_delivery(dice, kind, issue_date)}{summary}{advance_rate}",
            _annotations(dice, parties, body, gross, is_self_invoicing=is_self_invoicing),
            f"<RodzajFaktury>{kind}</RodzajFaktury>{body.correction}{dice.pick(_NOTES)}",
            f"{body.advances}{body.lines}{_payment(dice, parties.seller, gross, issue_date)}",
            f"{body.order}</Fa>",
            dice.pick(_FOOTERS),
            _ATTACHMENT if has_attachment else "",
            "</Faktura>",
        )
    )
    facts = InvoiceFacts(
        seller_nip=parties.seller.nip,
        seller_name=parties.seller.name,
        buyer_type=parties.buyer.type,
        buyer_value=parties.buyer.value,
        buyer_name=parties.buyer.name,
        invoice_number=number,
        issue_date=issue_date,
        net=Decimal(money(net)),
        gross=Decimal(money(gross)),
        vat=Decimal(money(tax)),
        currency=paid_in.currency,
        invoice_type=INVOICE_TYPES[kind],
        is_self_invoicing=is_self_invoicing,
        has_attachment=has_attachment,
        third_subjects=parties.third_subjects,
        authorized_subject=parties.authorized_subject,
        form=FORMS["FA (3)"],
    )
    return SyntheticInvoice(xml.encode(), facts)


@lru_cache(maxsize=256)
def _series(seed: int, nip: str, subject_type: str) -> str:
    return b32encode(sha256(f"{seed}|{nip}|{subject_type}".encode()).digest()[:5]).decode()


def _number(seller: Company, kind: str, index: int, series: str, day: date) -> str:
    prefix = "FV" if kind == "VAT" else kind.replace("_", "-")
    style = _NUMBER_STYLES[int(seller.nip[-2]) % len(_NUMBER_STYLES)]
    return style.format(kind=prefix, index=index, series=series, year=day.year, month=day.month)


def _created(dice: Dice, day: date) -> str:
    time = f"{dice.between(6, 21):02d}:{dice.below(60):02d}:{dice.below(60):02d}"
    moment = f"{max(day, _FIRST_CREATION_DAY)}T{time}Z"
    return f"{moment}</DataWytworzeniaFa><SystemInfo>Przykładowy ERP 7 &amp; spółka</SystemInfo></Naglowek>"


def _delivery(dice: Dice, kind: str, day: date) -> str:
    roll = dice.below(100)
    if kind in ("KOR", "KOR_ZAL", "KOR_ROZ") or roll < 40:
        return ""
    if roll < 85:
        return f"<P_6>{day - timedelta(days=dice.below(14))}</P_6>"
    first, last = day - timedelta(days=31), day - timedelta(days=1)
    return f"<OkresFa><P_6_Od>{first}</P_6_Od><P_6_Do>{last}</P_6_Do></OkresFa>"


def _annotations(dice: Dice, parties: Parties, body: Body, gross: int, *, is_self_invoicing: bool) -> str:
    rates = body.sums.net
    exempt = "<P_19N>1</P_19N>"
    if "zw" in rates:
        exempt = "<P_19>1</P_19><P_19A>art. 43 ust. 1 pkt 18 ustawy o VAT</P_19A>"
    is_reverse_charge = "oo" in rates or "np II" in rates
    is_split = gross > _SPLIT_PAYMENT_FROM and not parties.buyer.abroad and dice.chance(600)
    return (
        f"<Adnotacje><P_16>{1 if dice.chance(20) else 2}</P_16><P_17>{1 if is_self_invoicing else 2}</P_17>"
        f"<P_18>{1 if is_reverse_charge else 2}</P_18><P_18A>{1 if is_split else 2}</P_18A>"
        f"<Zwolnienie>{exempt}</Zwolnienie><NoweSrodkiTransportu><P_22N>1</P_22N></NoweSrodkiTransportu>"
        "<P_23>2</P_23><PMarzy><P_PMarzyN>1</P_PMarzyN></PMarzy></Adnotacje>"
    )


def _payment(dice: Dice, seller: Company, gross: int, day: date) -> str:
    roll = dice.below(100)
    if gross <= 0 or roll < 10:
        return ""
    if roll < 25:
        paid = f"<Zaplacono>1</Zaplacono><DataZaplaty>{day}</DataZaplaty>"
        return f"<Platnosc>{paid}<FormaPlatnosci>2</FormaPlatnosci></Platnosc>"
    due = day + timedelta(days=dice.pick((7, 14, 21, 30, 45, 60, 90)))
    part = _part_payment(gross // 4, day) if roll < 33 else ""
    return (
        f"<Platnosc>{part}<TerminPlatnosci><Termin>{due}</Termin>"
        f"</TerminPlatnosci><FormaPlatnosci>6</FormaPlatnosci><RachunekBankowy><NrRB>{seller.account}</NrRB>"
        "<NazwaBanku>Bank Łąkowy S.A.</NazwaBanku></RachunekBankowy></Platnosc>"
    )


def _part_payment(amount: int, day: date) -> str:
    return (
        "<ZnacznikZaplatyCzesciowej>1</ZnacznikZaplatyCzesciowej><ZaplataCzesciowa>"
        f"<KwotaZaplatyCzesciowej>{money(amount)}</KwotaZaplatyCzesciowej>"
        f"<DataZaplatyCzesciowej>{day}</DataZaplatyCzesciowej><FormaPlatnosci>6</FormaPlatnosci>"
        "</ZaplataCzesciowa>"
    )
