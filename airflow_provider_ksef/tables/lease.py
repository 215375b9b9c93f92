"""
The lease of one part of a table: numbered objects, of which the highest counts.

A number is taken by exclusive create and is the fencing token. Who takes a lease over from a writer that may
still be alive first forbids everything that the earlier lease announced, and reads back afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import msgspec

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables.layout import TableKey, lease_folder
from airflow_provider_ksef.tables.storage import Store

LEASE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 180.0
PAUSE_SECONDS = 2.0

Clock = Callable[[], float]


@dataclass(frozen=True)
class Pause:
    """A step of a commit: nothing to do for a while, another writer holds the lease."""

    seconds: float


Step = str | Pause
"""A commit yields after each step that others may see: its name, or a pause that the caller sits out."""


@dataclass(frozen=True)
class LeaseRecord:
    """
    What lies in a numbered lease object.

    :param owner: ``<dag>/<run>/<task>/<map_index>``; a later try of the same owner takes over at once.
    :param expires_at: seconds since 1970; 0 where it was given back.
    :param announced: paths that its holder is about to publish; empty again when they are.
    :param nonce: tells two writers of the same owner apart.
    """

    owner: str
    expires_at: float
    announced: tuple[str, ...] = ()
    nonce: str = ""


_UNREADABLE = LeaseRecord(owner="", expires_at=0.0)


def current_holder(store: Store, key: TableKey) -> LeaseRecord | None:
    """
    Read the newest lease of one part of a table, whether it has expired or not; None where there was none.

    :param store: the storage.
    :param key: the part.
    """
    numbers = _numbers(store, lease_folder(key))
    return _read(store, f"{lease_folder(key)}/{numbers[-1]}") if numbers else None


def break_lease(store: Store, key: TableKey, now: float) -> LeaseRecord | None:
    """
    Take the newest lease of one part of a table away from its holder, and let the next writer in at once.

    The holder's own record stays as it is: what it announces, even now, is for the next writer to forbid.

    :param store: the storage.
    :param key: the part.
    :param now: seconds since 1970.
    :returns: what it was; None where nobody held it.
    """
    numbers = _numbers(store, lease_folder(key))
    holder = _read(store, f"{lease_folder(key)}/{numbers[-1]}") if numbers else None
    if holder is None or holder.expires_at <= now:
        return None
    broken = LeaseRecord(owner="", expires_at=0.0, nonce=uuid.uuid4().hex)
    return holder if store.create(f"{lease_folder(key)}/{numbers[-1] + 1}", _encode(broken)) else None


class Lease:
    """
    The right to extend one part of a table.

    :param store: the storage.
    :param key: the part.
    :param owner: see :class:`LeaseRecord`.
    :param clock: seconds since 1970.
    """

    def __init__(self, store: Store, key: TableKey, owner: str, clock: Clock) -> None:
        self.store = store
        self.folder = lease_folder(key)
        self.owner = owner
        self.clock = clock
        self.token = 0
        self.record = LeaseRecord(owner, 0.0, nonce=uuid.uuid4().hex)

    def acquire(self, tombstone: Callable[[str], bytes]) -> Generator[Step, None, None]:
        """
        Take the lease, waiting for another holder within bounds.

        :param tombstone: makes a table file without rows for a path that an earlier holder announced.
        :raises KsefLeaseError: where another writer keeps it.
        :raises KsefTableError: where the storage cannot create exclusively.
        """
        deadline = self.clock() + LONGEST_WAIT_SECONDS
        while True:
            highest, holder = self._highest()
            yield "lease: looked"
            if highest and holder.owner != self.owner and holder.expires_at > self.clock():
                if self.clock() >= deadline:
                    raise KsefLeaseError(
                        f"{holder.owner} has been writing this table for {LONGEST_WAIT_SECONDS:.0f} s.",
                        "Let it finish; this task may simply be retried.",
                    )
                yield Pause(PAUSE_SECONDS)
                continue
            self.token = highest + 1
            self.record = replace(self.record, expires_at=self.clock() + LEASE_SECONDS)
            taken = self.store.create(self._path(self.token), _encode(self.record))
            yield "lease: created"
            if not taken:
                continue
            created_twice = self.store.create(self._path(self.token), b"second")
            yield "lease: tried to create it twice"
            if self._numbers()[-1] != self.token:
                continue  # slept meanwhile, and later holders came and tidied up
            if created_twice:
                raise _not_exclusive()
            break
        yield "lease: taken"
        yield from self._forbid_earlier(tombstone)

    def announce(self, paths: tuple[str, ...]) -> None:
        """Renew the lease and say what is about to be published, so that a later holder can forbid it."""
        self.record = replace(self.record, announced=paths)
        self._renew()

    def keep(self) -> None:
        """Renew the lease where a third of it has passed."""
        if self.record.expires_at - self.clock() < LEASE_SECONDS * 2 / 3:
            self.check()
            self._renew()

    def check(self) -> None:
        """
        Check that the lease is ours still.

        :raises KsefLeaseError: where another writer took it over.
        """
        highest = self._numbers()[-1]
        if highest != self.token:
            holder = self._read(highest)
            raise KsefLeaseError(
                f"{holder.owner or 'Another writer'} took the table over from {self.owner}.",
                "Nothing more of this window was published; begin it anew.",
            )

    def finish(self) -> None:
        """Give the lease back: all that was announced is published."""
        self.record = replace(self.record, announced=())
        self.give_up()

    def give_up(self) -> None:
        """Let the next writer in at once; what was announced may come late, and stays to be forbidden."""
        self.record = replace(self.record, expires_at=0.0)
        self.store.replace(self._path(self.token), _encode(self.record))

    def _renew(self) -> None:
        self.record = replace(self.record, expires_at=self.clock() + LEASE_SECONDS)
        self.store.replace(self._path(self.token), _encode(self.record))

    def _highest(self) -> tuple[int, LeaseRecord]:
        numbers = self._numbers()
        return (numbers[-1], self._read(numbers[-1])) if numbers else (0, _UNREADABLE)

    def _numbers(self) -> list[int]:
        return _numbers(self.store, self.folder)

    def _read(self, number: int) -> LeaseRecord:
        return _read(self.store, self._path(number))

    def _forbid_earlier(self, tombstone: Callable[[str], bytes]) -> Generator[Step, None, None]:
        for number in self._numbers():
            if number >= self.token:
                continue
            for path in self._read(number).announced:
                self.store.forbid(path, number, tombstone(path))
                yield "lease: forbade an earlier writer"
            self.store.remove(self._path(number))
            yield "lease: removed an earlier one"

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number}"


def _numbers(store: Store, folder: str) -> list[int]:
    return sorted(int(name) for name in store.names(folder) if name.isdecimal())


def _read(store: Store, path: str) -> LeaseRecord:
    try:
        return msgspec.json.decode(store.read(path) or b"", type=LeaseRecord)
    except msgspec.DecodeError:
        return _UNREADABLE


def _not_exclusive() -> KsefTableError:
    return KsefTableError(
        "The storage of tables_path lets a second writer overwrite what was to be created once.",
        "Use a local folder, S3, or a store with conditional puts: two writers could double invoices.",
    )


def _encode(record: LeaseRecord) -> bytes:
    return msgspec.json.encode(record)
