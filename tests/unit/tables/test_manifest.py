"""Manifests survive a kill, and a task that was taken over writes none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables.manifest import (
    Manifest,
    ManifestFile,
    ManifestPart,
    manifest_digests,
    manifest_path,
    read_manifest,
    remove_manifest,
    write_manifest,
)
from airflow_provider_ksef.tables.storage import open_store
from tests.s3_server import other_client
from tests.unit.tables.sent_files import CONTEXT, DIGEST, SESSION

PACKED = Manifest(
    digest=DIGEST,
    manifest_digest="0f" * 32,
    environment="test",
    form_code="FA (3)",
    offline_mode=False,
    salt="c2FsdA==",
    check_value="Y2hlY2s=",
    files=tuple(ManifestFile(f"/out/{n}.xml", f"{n}.xml", n, f"hash-{n}") for n in range(10_000)),
    compression="zip",
    package_size=123,
    package_hash="package",
    parts=(ManifestPart(100, "part"),),
)
OPENED = replace(PACKED, state="opened", session_reference_number=SESSION)


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    if request.param == "local":
        return UPath(tmp_path / "tables")
    bucket: UPath = request.getfixturevalue("bucket")
    return bucket


def elsewhere(root: UPath) -> UPath:
    """The same folder as another machine sees it."""
    return other_client(root) if root.protocol == "s3" else UPath(root.path)


def found(root: UPath) -> Manifest | None:
    return read_manifest(root, CONTEXT, DIGEST, "test")


def test_another_machine_reads_what_was_written(root: UPath) -> None:
    assert found(root) is None
    write_manifest(root, CONTEXT, PACKED, None)
    assert found(elsewhere(root)) == PACKED
    write_manifest(root, CONTEXT, OPENED, PACKED)
    assert found(elsewhere(root)) == OPENED
    assert manifest_digests(root, CONTEXT) == [DIGEST]
    remove_manifest(root, CONTEXT, DIGEST)
    remove_manifest(root, CONTEXT, DIGEST)
    assert found(elsewhere(root)) is None
    assert manifest_digests(root, CONTEXT) == []


def test_who_was_taken_over_writes_nothing(root: UPath) -> None:
    write_manifest(root, CONTEXT, PACKED, None)
    with pytest.raises(KsefLeaseError, match="Another task sends the same files"):
        write_manifest(root, CONTEXT, OPENED, None)
    next_try = elsewhere(root)
    write_manifest(next_try, CONTEXT, OPENED, found(next_try))
    with pytest.raises(KsefLeaseError):
        write_manifest(root, CONTEXT, replace(PACKED, state="uploaded"), PACKED)
    assert found(root) == OPENED


def test_what_does_not_fit_is_refused(root: UPath) -> None:
    with pytest.raises(KsefInputError, match="state"):
        write_manifest(root, CONTEXT, replace(PACKED, state="lost"), None)
    with pytest.raises(KsefInputError, match="digest"):
        write_manifest(root, CONTEXT, replace(PACKED, digest="../x"), None)
    write_manifest(root, CONTEXT, PACKED, None)
    with pytest.raises(KsefTableError, match=r"'test'.*'production'"):
        read_manifest(root, CONTEXT, DIGEST, "production")
    with pytest.raises(KsefTableError, match=r"'test'.*'production'"):
        write_manifest(root, CONTEXT, replace(PACKED, digest="a", environment="production"), None)
    open_store(root).replace(manifest_path(CONTEXT, DIGEST), b"{")
    with pytest.raises(KsefTableError, match="cannot be read"):
        found(root)


def test_its_text_tells_no_files(root: UPath) -> None:
    assert "1.xml" not in repr(PACKED)
