"""The rows of the report: a comparison of time, of memory, or of both."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.cases import LINE_ITEMS, MOST_MEMORY, Case, export_cases, line_cases, package_cases
from benchmarks.memory import measure
from benchmarks.timing import compare

_MANY = 20
_SAME = 1.1
"""The memory of many packages over that of one, which is never measured twice the same."""


@dataclass(frozen=True)
class Row:
    """
    One line of the report; what was not measured is None.

    :param holds: whether the target is reached.
    :param target: what it is.
    """

    name: str
    ours_s: float | None
    peer: str
    peer_s: float | None
    ratio: float | None
    ours_mb: float | None
    peer_mb: float | None
    holds: bool
    target: str

    def as_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name not in ("holds", "target")}

    def as_text(self) -> str:
        times = f"{self.ours_s:8.3f} s {self.peer_s:8.3f} s {self.ratio:6.1f} x" if self.ours_s else " " * 29
        memory = f"{self.ours_mb:6.0f} MB" if self.ours_mb is not None else " " * 9
        others = f"{self.peer_mb:6.0f} MB" if self.peer_mb is not None else " " * 9
        verdict = "ok" if self.holds else "MISSED"
        return f"{self.name:46} {self.peer:22} {times} {memory} {others}  {self.target:14} {verdict}"


def measured_rows(packages: Path, only: str, rounds: int) -> Iterator[Row]:
    """Measure the rows whose names have a text."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.parquet"
        for kind, case in package_cases(packages, target):
            if only in case.name:
                yield from _rows(case, rounds, packages / kind, "ours")
        if any(only in name for name in LINE_ITEMS):
            for case in line_cases(packages):
                if only in case.name:
                    yield from _rows(case, rounds)
        for case in export_cases(packages, target):
            if only in case.name:
                yield from _rows(case, rounds)
    if only in "Memory":
        yield from _memory_rows(packages)


def _rows(case: Case, rounds: int, package: Path | None = None, way: str = "") -> Iterator[Row]:
    ours_mb = measure(way, package) if package else None
    for found in compare(case, rounds):
        yield Row(
            name=case.name,
            ours_s=round(found.ours, 4),
            peer=found.peer,
            peer_s=round(found.peers, 4),
            ratio=round(found.ratio, 2),
            ours_mb=ours_mb,
            peer_mb=measure(found.peer, package) if package else None,
            holds=found.ratio >= found.at_least,
            target=f"at least {found.at_least:g} x",
        )


def _memory_rows(packages: Path) -> Iterator[Row]:
    for kind in ("zip", "targz", "metadata"):
        one, many = (measure("ours", packages / kind, count) for count in (1, _MANY))
        for name, found, most in (
            (f"Memory, {kind}, 1 package", one, MOST_MEMORY),
            (f"Memory, {kind}, {_MANY} packages", many, min(MOST_MEMORY, one * _SAME)),
        ):
            yield Row(name, None, "", None, None, found, None, found <= most, f"at most {most:.0f} MB")
