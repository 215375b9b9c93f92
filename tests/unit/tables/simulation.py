"""
Two syncs and a backfill on the tables, whose steps are interleaved, dropped and put to sleep at random.

In every fourth run each invoice has two lines in a table beside ``invoices``, which must never come later
than the invoice.

The commit itself is the real one, on the real storage classes; KSeF, the clock and the scheduler are played.
"""

from __future__ import annotations

import io
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefWatermarkError
from airflow_provider_ksef.tables.commit import commit_steps
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows, StagedFile
from airflow_provider_ksef.tables.layout import TableKey, watermark_path
from airflow_provider_ksef.tables.lease import Pause
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


def commit(world: World, export: Export, owner: str, *, moves_watermark: bool) -> Try:
    yield from commit_steps(
        world.store,
        KEY,
        export.window,
        export.incoming,
        environment="test",
        owner=owner,
        moves_watermark=moves_watermark,
        clock=lambda: world.now,
    )


def sync(world: World, owner: str) -> Try:
    """One try of a sync task; it may find an export that an earlier try noted."""
    while parse_ticks(world.position()) < world.hwm:
        yield "looked at the watermark"
        export = world.notes.get(owner)
        # careless on purpose: an export that the table has passed is for the commit to refuse
        if export is None or (export.window.start != world.position() and world.rng.random() < 0.7):
            export = world.export(world.position(), None)
        world.notes[owner] = export
        yield "export noted"
        try:
            yield from commit(world, export, owner, moves_watermark=True)
        except KsefWatermarkError:
            yield "begins the window anew"
        except KsefLeaseError:
            return
        world.notes.pop(owner, None)


def backfill(world: World, owner: str) -> Try:
    """One try of a backfill over a random range of what is stored for good."""
    first = world.rng.randint(FIRST, world.hwm)
    start, end = format_ticks(first), format_ticks(world.rng.randint(first, world.hwm))
    while True:
        export = world.export(start, end)
        yield "export made"
        try:
            yield from commit(world, export, owner, moves_watermark=False)
        except KsefLeaseError:
            return
        if not is_after(export.window.end, start) or not is_after(end, export.window.end):
            return
        start = export.window.end


@dataclass
class Running:
    """A try that the scheduler steps; asleep until then."""

    owner: str
    steps: Try
    wakes_at: int = 0


TASKS: dict[str, Task] = {"sync/a": sync, "sync/b": sync, "backfill": backfill}


def simulate(store: Store, seed: int, turns: int = 50, *, more: dict[str, Task] | None = None) -> list[str]:
    """
    Play one run.

    :param more: further tasks; each is run once more at the end.
    :returns: what went wrong, nothing at best.
    """
    with tempfile.TemporaryDirectory() as folder:
        world = World(store, random.Random(seed), None if seed % 4 else Path(folder))
        world.tasks = TASKS | (more or {})
        return _play(world, turns, more or {})


def _play(world: World, turns: int, more: dict[str, Task]) -> list[str]:
    world.arrive()
    dropped: list[Try] = []  # kept, or Python would close them, and a crash runs no handlers
    running = [Running(owner, task(world, owner)) for owner, task in world.tasks.items()]
    for turn in range(turns):
        _turn(world, running, dropped, turn)
    late = [task for task in running if task.wakes_at > turns]
    running = [task for task in running if task not in late]
    world.now += 200
    _run_out(world, [Running("sync/c", sync(world, "sync/c"))])
    _run_out(world, running)
    _run_out(world, late)
    _run_out(world, [Running("sync/d", sync(world, "sync/d"))])
    for owner, task in more.items():
        _run_out(world, [Running(owner, task(world, owner))])
    world.check_end()
    return world.faults


def _run_out(world: World, running: list[Running]) -> None:
    while running:
        _step(world, running, world.rng.choice(running))


def _turn(world: World, running: list[Running], dropped: list[Try], turn: int) -> None:
    rng = world.rng
    if rng.random() < 0.03 and world.hwm < FIRST + PLACES * STEP:
        world.arrive()
    if rng.random() < 0.05:
        world.now += rng.choice([1, 30, 61, 200])
    awake = [task for task in running if task.wakes_at <= turn]
    if not awake:
        return
    chosen = world.last if world.last in awake and rng.random() < 0.8 else rng.choice(awake)
    world.last = chosen
    step = _step(world, running, chosen)
    fate = rng.random() * (0.4 if str(step).startswith(("publish: ", "rewrite: ")) else 1.0)
    kind = chosen.owner
    if chosen not in running:
        running.append(Running(kind, world.tasks[kind](world, kind)))
    elif fate < 0.05:  # killed; the task's next try begins
        running.remove(chosen)
        dropped.append(chosen.steps)
        running.append(Running(kind, world.tasks[kind](world, kind), wakes_at=turn + rng.randint(0, 5)))
    elif fate < 0.10:  # thought dead, sleeps and wakes up late, while the next try is at work
        chosen.wakes_at = turn + rng.randint(5, 40)
        if sum(task.owner == kind for task in running) < 3:
            running.append(Running(kind, world.tasks[kind](world, kind)))


def _step(world: World, running: list[Running], task: Running) -> Any:
    try:
        step = next(task.steps)
    except StopIteration:
        running.remove(task)
        return None
    if isinstance(step, Pause):
        world.now += 10 * step.seconds
    if step == "publish: published a file" or str(step).startswith("rewrite: "):
        world.check_lines()
    if step == "publish: moved the watermark":
        world.check_watermark()
    return step
