"""What is measured, against whom, and how many times as fast it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import ours, with_etree, with_ksef2, with_ksef_client
from benchmarks.packages import Package, documents_of

MOST_MEMORY = 64.0
"""Megabytes over an idle interpreter with pyarrow loaded, for 1 package as for 20."""
_SAMPLE = 300
"""Documents that ksef2 reads; its time is multiplied."""

LINE_ITEMS = ("Line items, one process", "Line items, two processes")

Run = Callable[[], object]


@dataclass(frozen=True)
class Peer:
    """
    Somebody else's way.

    :param at_least: how many times as long it must take.
    :param share: of the work that it does; its time is divided by this.
    """

    name: str
    run: Run
    at_least: float
    share: float = 1.0


@dataclass(frozen=True)
class Case:
    """One piece of work, done by us and by others."""

    name: str
    ours: Run
    peers: tuple[Peer, ...]


def package_cases(folder: Path, target: Path) -> Iterator[tuple[str, Case]]:
    """From encrypted parts on disk to a Parquet file; with the kind of the package."""
    untyped = ("ksef-client, untyped", with_ksef_client.metadata_to_parquet)
    typed = ("ksef-client, typed", with_ksef_client.typed_metadata_to_parquet)
    models = ("ksef2", with_ksef2.metadata_to_parquet)
    for kind, name, wanted in (
        ("zip", "ZIP with XML and metadata, metadata wanted", ((typed, 8.0), (models, 13.0))),
        ("metadata", "ZIP, metadata only", ((untyped, 2.3), (typed, 3.3), (models, 13.0))),
        ("targz", "TAR.GZ with XML and metadata, metadata wanted", ((typed, 4.0), (models, 7.0))),
    ):
        package = Package.read(folder / kind)
        peers = tuple(Peer(who, partial(way, package, target), least) for (who, way), least in wanted)
        yield kind, Case(name, partial(ours.metadata_to_parquet, package, target), peers)


def line_cases(folder: Path) -> list[Case]:
    """From XML bytes in memory to rows of all columns."""
    documents = [xml for _, xml in documents_of(folder)]
    readable = with_ksef2.readable(documents[: 2 * _SAMPLE])[:_SAMPLE]
    parser = partial(with_ksef_client.lines_of, documents)
    loop = partial(with_etree.lines_of, documents)
    models = Peer("ksef2", partial(with_ksef2.lines_of, readable), 100.0, len(readable) / len(documents))
    return [
        Case(
            LINE_ITEMS[0],
            partial(ours.lines_of, documents),
            (Peer("ksef-client", parser, 6.0), Peer("xml.etree", loop, 1.5), models),
        ),
        Case(
            LINE_ITEMS[1],
            partial(ours.lines_in_processes, 2, documents),
            (Peer("ksef-client", parser, 9.0),),
        ),
    ]


def export_cases(folder: Path, target: Path) -> Iterator[Case]:
    """From encrypted parts on disk to Parquet files of metadata, lines and documents."""
    package = Package.read(folder / "zip")
    everything = partial(with_ksef_client.everything_to_parquet, package, target)
    for processes, name, least in ((1, "one process", 5.0), (2, "two processes", 8.0)):
        yield Case(
            f"Whole export, {name}",
            partial(ours.everything_to_parquet, package, target, processes),
            (Peer("ksef-client, typed", everything, least),),
        )
