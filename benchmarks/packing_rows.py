"""The rows of packing: time against others, and the size and memory of the same work."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.batches import LARGE, SMALL
from benchmarks.cases import MOST_MEMORY, Case, Peer
from benchmarks.packing import WAYS, measure_packing
from benchmarks.rows import Row
from benchmarks.timing import WARM_UP, compare

_MOST_SIZE = 1.15
"""Of theirs."""
_SLOW_WARM_UP = 1


def packing_rows(batches: Path, only: str, rounds: int) -> Iterator[Row]:
    """Measure the rows whose names have a text; the large ones where there are large invoices."""
    yield from _rows(
        "Packing small invoices, ZIP",
        "ours, ZIP",
        {"ksef-client, ZIP": 3.5, "ksef2, ZIP": 3.5},
        (batches / SMALL, only, rounds),
    )
    yield from _rows(
        "Packing small invoices, TAR.GZ",
        "ours, TAR.GZ",
        {"ksef-client, ZIP": 4.0, "ksef2, ZIP": 4.0, "ksef-client, TAR.GZ": 5.0},
        (batches / SMALL, only, rounds),
    )
    if (batches / LARGE).exists():
        yield from _rows(
            "Packing large invoices, ZIP",
            "ours, ZIP",
            {"ksef-client, ZIP": 8.0, "ksef2, ZIP": 8.0},
            (batches / LARGE, only, rounds),
        )


def _rows(name: str, way: str, peers: dict[str, float], measuring: tuple[Path, str, int]) -> Iterator[Row]:
    folder, only, rounds = measuring
    if only not in name:
        return
    size, memory = measure_packing(way, folder)
    others = {peer: measure_packing(peer, folder) for peer in peers}
    case = Case(
        name,
        partial(WAYS[way], folder),
        tuple(Peer(peer, partial(WAYS[peer], folder), least) for peer, least in peers.items()),
    )
    warm_up = _SLOW_WARM_UP if folder.name == LARGE else WARM_UP
    for found in compare(case, rounds, warm_up):
        their_size, their_memory = others[found.peer]
        share = size / their_size
        yield Row(
            name=name,
            ours_s=round(found.ours, 4),
            peer=found.peer,
            peer_s=round(found.peers, 4),
            ratio=round(found.ratio, 2),
            ours_mb=memory,
            peer_mb=their_memory,
            holds=found.ratio >= found.at_least and memory <= MOST_MEMORY and share <= _MOST_SIZE,
            target=f"at least {found.at_least:g} x, size {share:.2f} of theirs (at most {_MOST_SIZE})",
        )
