"""Many invoices of which 137 are wrong in every way: just these are told, each with its fault."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import cycle, islice
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import find_invoices
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.emulator.checks import check_invoice
from airflow_provider_ksef.emulator.documents import FORMS, Rejected
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.limits import SessionLimits
from airflow_provider_ksef.emulator.samples import make_samples
from airflow_provider_ksef.emulator.schemas import Schemas
from tests.official import SHARED_KSEF
from tests.unit.client.wrong_invoices import BY_SCHEMA, SCHEMA, WAYS, Way

NIP = "5250001210"
DAY = date(2026, 9, 15)
WRONG, KINDS = 137, 500
HAS_SCHEMA = SHARED_KSEF.is_dir()
ALONE = {**WAYS, **(BY_SCHEMA if HAS_SCHEMA else {})}
GONE, COPY, SAME_NUMBER = "gone", "copy", "same number"
Told = tuple[str, int | None]
ANYWHERE = -1
"""The schema tells of what is missing where something else stands in its place."""


def right_invoices() -> Iterator[bytes]:
    """Give invoices without end, each of another number, an element in a line."""
    made = [re.sub(b">\n?<", b">\n<", sample.xml) for sample in make_samples(NIP, KINDS, 0, 1, DAY)]
    for number, xml in enumerate(cycle(made)):
        yield xml.replace(b"<P_2>", b"<P_2>%d/" % number, 1)


def line_of(content: bytes, way: Way) -> int | None:
    return None if way.at is None else content[: content.index(way.at)].count(b"\n") + 1


def expected(way: Way, content: bytes) -> list[Told]:
    if not HAS_SCHEMA:
        return [(way.rule, line_of(content, way))]
    line = line_of(content, way)
    lines = [ANYWHERE if rule == SCHEMA and way.by_schema else line for rule in way.with_schema]
    return list(zip(way.with_schema, lines, strict=True))


def write_all(folder: Path, count: int) -> dict[str, list[Told]]:
    """Write the files, and tell of each wrong one what is to be found."""
    told: dict[str, list[Told]] = {}
    ways = cycle([*ALONE, GONE, COPY, SAME_NUMBER])
    wrong = dict(zip(range(50, count, count // WRONG), islice(ways, WRONG), strict=False))
    assert len(wrong) == WRONG
    right = b""
    for place, xml in enumerate(islice(right_invoices(), count)):
        name, content, kind = f"{place:05d}.xml", xml, wrong.get(place)
        if kind in ALONE:
            way = ALONE[kind]
            content = way.spoil(xml)
            told[name] = expected(way, content)
        elif kind == GONE:
            told[name] = [("file.unreadable", None)]
        elif kind in (COPY, SAME_NUMBER):
            content = right if kind == COPY else right + b"<!-- printed again -->"
            told[name] = [("invoice.duplicate", None)]
        else:
            right = xml
        (folder / name).write_bytes(content)
    return told


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.crash)])
def test_just_the_wrong_ones_are_told_each_with_its_fault(tmp_path: Path, count: int) -> None:
    told = write_all(tmp_path, count)
    found = find_invoices([UPath(tmp_path)])
    for name, faults in told.items():
        if faults == [("file.unreadable", None)]:
            (tmp_path / name).unlink()
    schemas = UPath(SHARED_KSEF / "xsd") if HAS_SCHEMA else None
    rules = CheckRules("FA (3)", ContextIdentifier("Nip", NIP), today=DAY, schema_dir=schemas)
    report = check_files(found, rules, processes=2)
    by_file: dict[str, list[Told]] = defaultdict(list)
    for problem in report.problems:
        name = Path(problem.file).name
        is_anywhere = (problem.rule, ANYWHERE) in told.get(name, ())
        fault = (problem.rule, ANYWHERE if is_anywhere else problem.line)
        if fault not in by_file[name]:
            by_file[name].append(fault)
    assert by_file == told
    assert (len(report.files), report.invalid_count) == (count - WRONG, WRONG)
    names = [file.invoice.entry_name for file in report.files]
    assert names == [each.entry_name for each in found if each.entry_name not in told]


@pytest.fixture(scope="module")
def schemas() -> Schemas | None:
    return Schemas(SHARED_KSEF / "xsd") if HAS_SCHEMA else None


@pytest.mark.parametrize("name", ALONE)
def test_what_is_told_is_what_ksef_refuses(schemas: Schemas | None, name: str) -> None:
    """The emulator judges by code of its own: no rule of ours is stricter than KSeF's."""
    with pytest.raises(Rejected):
        check_invoice(
            ALONE[name].spoil(next(right_invoices())),
            form=FORMS["FA (3)"],
            context=Identity("Nip", NIP),
            limits=SessionLimits(),
            may_attach=True,
            schemas=schemas,
            received=DAY,
        )
