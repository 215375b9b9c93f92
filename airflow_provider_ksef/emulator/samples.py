"""
Sample sales invoices as files, to send to the emulator or to KSeF's TEST environment.

``python -m airflow_provider_ksef.emulator.samples OUT_DIR --count 25 --wrong 2``
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from airflow_provider_ksef.emulator.documents import NAMESPACES
from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.synthetic import SyntheticInvoice, synthesize
from airflow_provider_ksef.emulator.synthetic.companies import BUYERS

_OTHER_NAMESPACE, _NAMESPACE = list(NAMESPACES)[:2]

WAYS = ("other-seller", "no-total", "same-number", "future-date", "other-form")
"""What can be wrong with a sample."""
ONLY_KSEF = ("no-total",)
"""Ways that nobody but KSeF finds, unless the file is held against the official schema."""


@dataclass(frozen=True)
class Sample:
    """
    One file to send.

    :param code: the status with which KSeF refuses it; 0 where it is right.
    :param reason: what is wrong with it, in English.
    """

    name: str
    xml: bytes
    code: int = 0
    reason: str = ""


def make_samples(
    nip: str, count: int, wrong: int, seed: int, issue_date: date, *, ways: Sequence[str] = WAYS
) -> list[Sample]:
    """
    Make sales invoices of ``nip``, some of them wrong.

    :param wrong: how many are wrong; they are spread evenly and never come first.
    :param ways: what is wrong with them, in turn; some of :data:`WAYS`.
    :raises ValueError: where more than half would be wrong.
    """
    if not 0 <= 2 * wrong <= count:
        raise ValueError(f"--wrong {wrong}: at most half of --count {count}; the others must be right")
    invoices = _sales(nip, seed, issue_date)
    samples: list[Sample] = []
    wrong_places = {(number + 1) * count // (wrong + 1): number for number in range(wrong)}
    sent = ("", next(invoices))
    for place in range(count):
        name = f"FV-{place + 1:04d}.xml"
        if place in wrong_places:
            way = ways[wrong_places[place] % len(ways)]
            samples.append(_spoil(name, way, next(invoices), sent, issue_date))
            continue
        sent = (name, next(invoices))
        samples.append(Sample(name, sent[1].xml))
    return samples


def _sales(nip: str, seed: int, issue_date: date) -> Iterator[SyntheticInvoice]:
    index = 0
    while True:
        index += 1
        invoice = synthesize(nip, "Subject1", index, seed, issue_date)
        if not (invoice.facts.is_self_invoicing or invoice.facts.has_attachment):  # the seller may send it
            yield invoice


def _spoil(
    name: str, way: str, invoice: SyntheticInvoice, sent: tuple[str, SyntheticInvoice], day: date
) -> Sample:
    """:param sent: name and content of a right file that goes before this one."""
    nip = invoice.facts.seller_nip
    if way == "other-seller":
        other = next(company.nip for company in BUYERS if company.nip != nip)
        xml = _replace(invoice.xml, rb"<Podmiot1>(.*?)<NIP>\d{10}", rb"<Podmiot1>\1<NIP>" + other.encode())
        return Sample(name, xml, 410, f"the seller is {other}, so {nip} may not issue it")
    if way == "no-total":
        xml = _replace(invoice.xml, rb"<P_15>[^<]*</P_15>", b"")
        return Sample(name, xml, 450, "the mandatory total P_15 is missing")
    if way == "same-number":
        xml = _replace(sent[1].xml, b"<P_1M>[^<]*</P_1M>", "<P_1M>Gdańsk</P_1M>".encode())
        return Sample(name, xml, 440, f"{sent[0]} has the same number {sent[1].facts.invoice_number}")
    if way == "future-date":
        future = day + timedelta(days=400)
        xml = _replace(invoice.xml, b"<P_1>[^<]*</P_1>", f"<P_1>{future}</P_1>".encode())
        return Sample(name, xml, 450, f"the issue date {future} is yet to come")
    xml = invoice.xml.replace(_NAMESPACE.encode(), _OTHER_NAMESPACE.encode())
    return Sample(name, xml, 450, "the namespace is that of FA (2), the header says FA (3)")


def _replace(xml: bytes, pattern: bytes, replacement: bytes) -> bytes:
    return re.sub(pattern, replacement, xml, count=1, flags=re.DOTALL)


def main(arguments: list[str] | None = None) -> int:
    """
    Write the files and say which of them are wrong.

    :returns: the exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_ksef.emulator.samples", description=__doc__
    )
    today = datetime.now(WARSAW).date()
    parser.add_argument("out_dir", type=Path, help="folder to write to; it is made where it is missing")
    parser.add_argument("--nip", default="5250001210", help="the seller (default: %(default)s)")
    parser.add_argument("--count", type=int, default=25, help="how many files (default: %(default)s)")
    parser.add_argument(
        "--wrong", type=int, default=0, help="how many of them are wrong (default: %(default)s)"
    )
    parser.add_argument(
        "--ways",
        nargs="+",
        choices=WAYS,
        default=WAYS,
        help="what is wrong with them, in turn (default: all)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="another seed, other numbers (default: %(default)s)"
    )
    parser.add_argument("--issue-date", type=date.fromisoformat, default=today, help="default: today")
    options = parser.parse_args(arguments)
    if options.issue_date > today:
        parser.error(
            f"--issue-date {options.issue_date}: KSeF takes no invoice of a day to come; today is {today}"
        )
    if not re.fullmatch(r"[1-9]\d{9}", options.nip):
        parser.error(f"--nip {options.nip}: a NIP has ten digits, the first of them not 0")
    try:
        samples = make_samples(
            options.nip, options.count, options.wrong, options.seed, options.issue_date, ways=options.ways
        )
    except ValueError as error:
        parser.error(str(error))
    options.out_dir.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        (options.out_dir / sample.name).write_bytes(sample.xml)
        if sample.code:
            sys.stdout.write(f"{sample.name}: KSeF will refuse it with {sample.code}: {sample.reason}\n")
    sys.stdout.write(f"wrote {len(samples)} invoices of {options.nip} to {options.out_dir}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
