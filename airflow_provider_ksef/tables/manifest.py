"""
The manifest of what is sent together: written before it is uploaded, so that a next try, on another machine
even, knows what an earlier one may have done. It holds no key, and nothing that one could be made of alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables.environment import claim_submissions, refuse_other_environment
from airflow_provider_ksef.tables.layout import SUBMISSIONS_FOLDER
from airflow_provider_ksef.tables.storage import open_store

PACKED = "packed"
OPENED = "opened"
UPLOADED = "uploaded"
STATES = (PACKED, OPENED, UPLOADED)
"""In their order: packed only, session opened, everything uploaded, so that a close takes effect."""

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}", re.ASCII)
_SUFFIX = ".json"


@dataclass(frozen=True)
class ManifestFile:
    """
    A file that is sent.

    :param file: where it lies, as the user knows it.
    :param file_name: its name within the session.
    :param size: bytes.
    :param invoice_hash: Base64 SHA-256.
    """

    file: str
    file_name: str
    size: int
    invoice_hash: str


@dataclass(frozen=True)
class ManifestPart:
    """
    An encrypted part of the package.

    :param size: bytes.
    :param hash: Base64 SHA-256.
    """

    size: int
    hash: str


@dataclass(frozen=True)
class Manifest:
    """
    What is sent together, and how far it has come.

    :param digest: of form, mode and files; letters, digits, ``-`` and ``_``. It names the manifest.
    :param manifest_digest: of the files and the encrypted parts, which a task's state keeps.
    :param environment: KSeF environment.
    :param form_code: such as ``FA (3)``.
    :param offline_mode: whether the invoices are declared as issued offline.
    :param salt: hexadecimal; what the key is derived with, together with the connection's secret.
    :param check_value: hexadecimal; tells whether the secret is still the same.
    :param files: in the order in which they are sent.
    :param state: one of :data:`STATES`.
    :param session_reference_number: the session, once it is opened.
    :param compression: of a package.
    :param package_size: bytes of the plain package, 0 for interactive sending.
    :param package_hash: Base64 SHA-256 of it.
    :param parts: encrypted parts in their order.
    :param updated_at: ISO 8601, by the clock of the worker.
    :param owner: task instance that wrote it last: DAG, run, task, map index and try.
    """

    digest: str
    manifest_digest: str
    environment: str
    form_code: str
    offline_mode: bool
    salt: str
    check_value: str
    files: tuple[ManifestFile, ...] = field(repr=False)
    state: str = PACKED
    session_reference_number: str | None = None
    compression: str | None = None
    package_size: int = 0
    package_hash: str | None = None
    parts: tuple[ManifestPart, ...] = field(default=(), repr=False)
    updated_at: str = ""
    owner: str = ""


def manifest_path(context: str, digest: str) -> str:
    """
    Give a manifest's path, below ``tables_path``.

    :param context: see :func:`layout.context_name`.
    :param digest: of what is sent.
    :raises KsefInputError: where it cannot be a file's name.
    """
    if not _NAME.fullmatch(digest):
        raise KsefInputError("digest", digest, "cannot name a file", "Give it in hexadecimal.")
    return f"{SUBMISSIONS_FOLDER}/{context}/{digest}{_SUFFIX}"


def write_manifest(tables_path: UPath, context: str, manifest: Manifest, seen: Manifest | None) -> None:
    """
    Write a manifest, whole, in the place of the one that was seen.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param manifest: the new one.
    :param seen: what :func:`read_manifest` gave or this writer wrote last; None where there was none.
    :raises KsefInputError: where the state is unknown.
    :raises KsefLeaseError: where another writer has changed it meanwhile, a later try of a task for example:
        then this one must not go on.
    :raises KsefTableError: where the tables are of another environment.
    """
    if manifest.state not in STATES:
        raise KsefInputError("state", manifest.state, "is no state", f"Give one of: {', '.join(STATES)}.")
    store, path = open_store(tables_path), manifest_path(context, manifest.digest)
    claim_submissions(store, manifest.environment)
    before = store.read(path)
    if _parsed(before, path) != seen or not store.swap(path, msgspec.json.encode(manifest), before):
        raise KsefLeaseError(
            f"Another task sends the same files: it has changed {path} meanwhile.",
            "Nothing more was sent by this one. Look at the other task first.",
        )


def read_manifest(tables_path: UPath, context: str, digest: str, environment: str) -> Manifest | None:
    """
    Read the manifest of what is sent; None where there is none.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param digest: of what is sent.
    :param environment: KSeF environment that is asked for.
    :raises KsefTableError: where it cannot be read, or is of another environment.
    """
    path = manifest_path(context, digest)
    manifest = _parsed(open_store(tables_path).read(path), path)
    if manifest is not None:
        refuse_other_environment(manifest.environment, environment)
    return manifest


def remove_manifest(tables_path: UPath, context: str, digest: str) -> None:
    """
    Remove a manifest, once the answers are in the table; nothing happens where it is not there.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param digest: of what was sent.
    """
    open_store(tables_path).remove(manifest_path(context, digest))


def manifest_digests(tables_path: UPath, context: str) -> list[str]:
    """
    List what was begun and is not finished.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    """
    names = open_store(tables_path).names(f"{SUBMISSIONS_FOLDER}/{context}")
    return [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]


def _parsed(content: bytes | None, path: str) -> Manifest | None:
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise KsefTableError(
            f"The manifest {path} cannot be read: {error}.",
            "Look into KSeF for a session of these files; delete the manifest once you know of none.",
        ) from error
