"""What the simulation plays in: KSeF, the clock, the tables, and what went wrong with them."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows, StagedFile
from airflow_provider_ksef.tables.layout import TableKey, watermark_path
from airflow_provider_ksef.tables.live_files import live_names
from airflow_provider_ksef.tables.moments import format_ticks, is_after, parse_ticks
from airflow_provider_ksef.tables.row_order import storage_span
from airflow_provider_ksef.tables.storage import Store
from airflow_provider_ksef.tables.watermark import parse_watermark
from airflow_provider_ksef.tables.windows import Window, next_position

KEY = TableKey("nip-5250001210", "Subject2")
FIRST = parse_ticks("2026-01-30T12:00:00.0000000Z")
STEP = 6 * 3600 * 10_000_000
PLACES = 16
CAP = 5
LINES, LINES_EACH = "invoice_lines", 2
SCHEMA = pa.schema([("ksef_number", pa.string()), ("permanent_storage_date", pa.timestamp("us", tz="UTC"))])
Try = Generator[Any, None, None]
Task = Callable[["World", str], Try]


@dataclass(frozen=True)
class Export:
    """What KSeF packed once; it may be committed much later. Without a folder nobody wants the lines."""

    window: CommittedWindow
    numbers: tuple[tuple[str, int], ...]
    folder: Path | None

    def rows(self) -> pa.Table:
        numbers = pa.array([number for number, _ in self.numbers], pa.string())
        stored = pa.array([ticks // 10 for _, ticks in self.numbers], pa.int64()).cast(SCHEMA.field(1).type)
        return pa.Table.from_arrays([numbers, stored], schema=SCHEMA)

    @cached_property
    def incoming(self) -> IncomingRows:
        """The invoices, and their lines as files by month."""
        rows = self.rows()
        if self.folder is None:
            return IncomingRows(rows)
        lines = pa.concat_tables([rows] * LINES_EACH).sort_by("permanent_storage_date")
        months = pc.strftime(lines["permanent_storage_date"], "%Y-%m")
        staged = []
        for month in pc.unique(months).to_pylist():
            path = self.folder / f"{self.window.export_reference}-{month}.parquet"
            part = lines.filter(pc.equal(months, month))
            pq.write_table(part, path)
            staged.append(StagedFile(LINES, month, path, part.num_rows, *storage_span(part)))
        return IncomingRows(rows, tuple(staged))


@dataclass
class Running:
    """A try that the scheduler steps; asleep until then."""

    owner: str
    steps: Try
    wakes_at: int = 0


@dataclass
class World:
    """KSeF's truth, the clock, and what was seen to go wrong."""

    store: Store
    rng: random.Random
    folder: Path | None
    now: float = 1_770_000_000.0
    hwm: int = FIRST
    invoices: list[tuple[str, int]] = field(default_factory=list)
    exports: int = 0
    faults: list[str] = field(default_factory=list)
    notes: dict[str, Export] = field(default_factory=dict)
    highest_position: str = format_ticks(FIRST)
    parsed: dict[bytes, list[str]] = field(default_factory=dict)
    last: Running | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    deleted_before: int = 0

    def arrive(self) -> None:
        """Store a few invoices, often several at one instant, and let the high-water mark pass them."""
        for _ in range(self.rng.randint(1, 2)):
            place = self.rng.randint(self.hwm // STEP + 1, self.hwm // STEP + 2) * STEP + 7
            for _ in range(self.rng.randint(1, 3)):
                if sum(1 for _, ticks in self.invoices if ticks == place) < CAP - 1:
                    self.invoices.append((f"N{len(self.invoices)}", place))
        self.hwm += 3 * STEP

    def export(self, start: str, end: str | None) -> Export:
        bounds = parse_ticks(start), min(parse_ticks(end) if end else self.hwm, self.hwm)
        matching = [item for item in self.invoices if bounds[0] <= item[1] <= bounds[1]]
        self.rng.shuffle(matching)
        matching.sort(key=lambda item: item[1])
        truncated = len(matching) > CAP
        matching = matching[:CAP]
        last = format_ticks(matching[-1][1]) if truncated else None
        position = next_position(Window(start, end), truncated, last, format_ticks(self.hwm))
        self.exports += 1
        return Export(CommittedWindow(start, position, f"EH-{self.exports}"), tuple(matching), self.folder)

    def position(self) -> str:
        path = watermark_path(KEY)
        watermark = parse_watermark(self.store.read(path), path)
        return watermark.position if watermark else format_ticks(FIRST)

    def rows(self, table: str = "invoices") -> list[str]:
        return [number for content in table_files(self.store, table) for number in self._parse(content)]

    def _parse(self, content: bytes) -> list[str]:
        if content not in self.parsed:
            self.parsed[content] = pq.read_table(io.BytesIO(content)).column(0).to_pylist()
        return self.parsed[content]

    def check_watermark(self) -> None:
        """Hold the watermark against the rows that it stands for."""
        position = self.position()
        if is_after(self.highest_position, position):
            self.faults.append("the watermark moved back")
        if position == self.highest_position:
            return
        self.highest_position = position
        reached = parse_ticks(position)  # KSeF may cut a group at one instant; the next window begins with it
        passed = {number for number, ticks in self.invoices if self.deleted_before <= ticks < reached}
        if passed - set(self.rows()):
            self.faults.append("the watermark is ahead of the rows")

    def check_lines(self) -> None:
        """Hold what a reader sees just now against the promise that lines come first, and once."""
        if self.folder is None:
            return
        lines = Counter(self.rows(LINES))
        deleted = {number for number, ticks in self.invoices if ticks < self.deleted_before}
        if set(self.rows()) - set(lines) - deleted:
            self.faults.append("an invoice without its lines")
        if set(lines.values()) - {LINES_EACH}:
            self.faults.append("doubled lines")
        if len(set(self.rows())) != len(self.rows()):
            self.faults.append("a reader sees doubled rows")

    def check_end(self) -> None:
        rows = self.rows()
        truth = {number for number, ticks in self.invoices if self.deleted_before <= ticks <= self.hwm}
        if len(rows) != len(set(rows)):
            self.faults.append("doubled")
        if truth - set(rows):
            self.faults.append("lost")
        if set(rows) - {number for number, ticks in self.invoices if self.deleted_before <= ticks}:
            self.faults.append("invented")
        if set(self.rows(LINES)) - set(rows):
            self.faults.append("orphans")
        self.check_lines()
        if parse_ticks(self.position()) != self.hwm:
            self.faults.append("the watermark is not the last committed window's end")


def table_files(store: Store, table: str) -> Iterator[bytes]:
    """Read every file that :func:`tables.read` would."""
    for context in store.names(table):
        for subject in store.names(f"{table}/{context}"):
            for month in store.names(f"{table}/{context}/{subject}"):
                folder = f"{table}/{context}/{subject}/{month}"
                assert all(name.endswith(".parquet") for name in store.names(folder)), folder
                for name in live_names(store, folder):
                    yield store.read(f"{folder}/{name}") or b""
