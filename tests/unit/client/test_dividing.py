from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.client import dividing
from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.dividing import divide_batches
from airflow_provider_ksef.client.packing import InvoiceFile, pack_batch
from tests.unit.client.invoice_contents import invoice_of


def unread(_: int) -> bytes:
    raise AssertionError("dividing reads nothing")


def invoices(sizes: list[int]) -> list[InvoiceFile]:
    return [InvoiceFile(f"{number}.xml", unread, size) for number, size in enumerate(sizes)]


@given(st.lists(st.integers(1, 10_000_000), max_size=30), st.integers(20_000_000, 60_000_000))
def test_each_batch_fits_and_no_two_neighbours_could_be_one(sizes: list[int], limit: int) -> None:
    files = invoices(sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dividing, "MAX_PACKAGE_SIZE", limit)
        batches = divide_batches(files, 7)
    assert [file for batch in batches for file in batch] == files
    assert all(0 < len(batch) <= 7 for batch in batches)
    assert all(sum(file.size for file in batch) <= limit for batch in batches)
    for batch, following in pairwise(batches):
        more = [*batch, following[0]]
        assert len(more) > 7 or sum(file.size + 4096 for file in more) > 0.999 * limit


def test_the_limits_are_those_of_a_batch_session() -> None:
    assert [len(batch) for batch in divide_batches(invoices([1] * 25_000), 10_000)] == [10_000, 10_000, 5_000]
    assert [len(batch) for batch in divide_batches(invoices([3_000_000] * 2_000), 10_000)] == [1662, 338]
    assert divide_batches([], 1) == []


@pytest.mark.parametrize("compression", ["zip", "tar.gz"])
def test_a_batch_of_long_names_and_noise_is_not_larger_than_was_thought(
    tmp_path: Path, compression: str
) -> None:
    noise = random.Random(7).randbytes(1024)
    files = [invoice_of(f"{'ż' * 120}{number}", noise, 1024) for number in range(200)]
    assert pack_batch(files, SessionKey(b"k" * 32, b"i" * 16), tmp_path, compression=compression).size < (
        200 * (1024 + 4096)
    )
