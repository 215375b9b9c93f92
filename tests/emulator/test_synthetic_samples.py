"""The sample files: most are right, each wrong one is refused for the reason that is told."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.checks import check_invoice
from airflow_provider_ksef.emulator.documents import FORMS, InvoiceFacts, Rejected
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.limits import SessionLimits
from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.samples import Sample, main, make_samples

NIP = "5250001210"
DAY = date(2026, 3, 31)


def check(sample: Sample) -> InvoiceFacts:
    return check_invoice(
        sample.xml,
        form=FORMS["FA (3)"],
        context=Identity("Nip", NIP),
        limits=SessionLimits(),
        may_attach=False,
        schemas=None,
        received=DAY,
    )


def outcome(sample: Sample, numbers: set[tuple[str, str]]) -> int:
    try:
        facts = check(sample)
    except Rejected as rejected:
        return rejected.code
    key = (facts.invoice_type, facts.invoice_number)
    if key in numbers:
        return 440
    numbers.add(key)
    return 0


def test_each_file_meets_the_fate_that_is_told() -> None:
    samples = make_samples(NIP, 25, 10, 1, DAY)
    numbers: set[tuple[str, str]] = set()
    assert [outcome(sample, numbers) for sample in samples] == [sample.code for sample in samples]
    assert {sample.code for sample in samples} == {0, 410, 440, 450}
    assert len({sample.reason for sample in samples}) > 5


def test_two_of_twenty_five_are_wrong_as_asked() -> None:
    codes = [sample.code for sample in make_samples(NIP, 25, 2, 1, DAY)]
    assert sorted(codes)[-2:] == [410, 450]
    assert codes.count(0) == 23


def test_another_seed_gives_other_numbers() -> None:
    first, second = (
        {check(sample).invoice_number for sample in make_samples(NIP, 10, 0, seed, DAY)} for seed in (1, 2)
    )
    assert not first & second


def test_too_many_wrong_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="at most half"):
        make_samples(NIP, 3, 2, 1, DAY)


def test_the_command_writes_files_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "new"), "--count", "6", "--wrong", "1"]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir())[::5] == ["FV-0001.xml", "FV-0006.xml"]
    told = capsys.readouterr().out
    assert "FV-0004.xml: KSeF will refuse it with 410" in told


def test_a_day_to_come_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tomorrow = datetime.now(WARSAW).date() + timedelta(days=1)
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--issue-date", str(tomorrow)])
    assert str(tomorrow) in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
