"""
Two syncs and a backfill on the tables, whose steps are interleaved, dropped and put to sleep at random.

In every fourth run each invoice has two lines in a table beside ``invoices``, which must never come later
than the invoice.

The commit itself is the real one, on the real storage classes; KSeF, the clock and the scheduler are played.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefWatermarkError
from airflow_provider_ksef.tables.commit import commit_steps
from airflow_provider_ksef.tables.lease import Pause
from airflow_provider_ksef.tables.moments import format_ticks, is_after, parse_ticks
from airflow_provider_ksef.tables.storage import Store
from tests.unit.tables.simulated_world import FIRST, KEY, PLACES, STEP, Export, Running, Task, Try, World


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
