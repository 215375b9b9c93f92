"""Dead letters and UPO files: whole or not there, and never exchanged for others."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError
from airflow_provider_ksef.tables import whole_files
from airflow_provider_ksef.tables.dead_letters import write_rejected
from airflow_provider_ksef.tables.upo_files import save_upo


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    if request.param == "local":
        return UPath(tmp_path / "files" / "here")
    bucket: UPath = request.getfixturevalue("bucket")
    return bucket / "here"


def names(folder: UPath) -> list[str]:
    folder.fs.invalidate_cache()
    return sorted(path.rsplit("/", 1)[-1] for path in folder.fs.find(folder.path))


def content(folder: UPath, name: str) -> bytes | None:
    return whole_files.read_file(folder / name)


def test_a_upo_is_saved_once(folder: UPath) -> None:
    path = save_upo(folder, "a.xml", b"<upo/>")
    assert path == str(folder / "a.xml")
    assert save_upo(folder, "a.xml", b"<upo/>") == path
    with pytest.raises(KsefIntegrityError, match="other bytes"):
        save_upo(folder, "a.xml", b"<other/>")
    assert names(folder) == ["a.xml"]
    assert content(folder, "a.xml") == b"<upo/>"


@pytest.mark.parametrize("name", ["", "../a.xml", ".a.xml", "b/a.xml"])
def test_a_name_leads_nowhere_else(folder: UPath, name: str) -> None:
    with pytest.raises(KsefInputError, match="name"):
        save_upo(folder, name, b"<upo/>")
    with pytest.raises(KsefInputError, match="name"):
        write_rejected(folder, name, b"<a/>", {})
    assert names(folder) == []


def test_a_rejected_file_has_its_reasons_beside_it(folder: UPath) -> None:
    path = write_rejected(folder, "a.xml", b"<a/>", {"code": 450, "details": ["Błąd"]})
    assert path == str(folder / "a.xml")
    write_rejected(folder, "a.xml", b"<a/>", {"code": 450, "details": ["Błąd"]})
    assert names(folder) == ["a.xml", "a.xml.reasons.json"]
    assert json.loads(content(folder, "a.xml.reasons.json") or b"") == {"code": 450, "details": ["Błąd"]}
    write_rejected(folder, "a.xml", b"<a/>", {"code": 440})
    assert names(folder) == ["a.xml", "a.xml.reasons.json"]
    assert json.loads(content(folder, "a.xml.reasons.json") or b"") == {"code": 440}


def test_another_file_of_the_same_name_gets_one_of_its_own(folder: UPath) -> None:
    write_rejected(folder, "a.xml", b"<a/>", {"code": 1})
    other = write_rejected(folder, "a.xml", b"<b/>", {"code": 2})
    assert other == write_rejected(folder, "a.xml", b"<b/>", {"code": 2})
    assert len(names(folder)) == 4
    assert content(folder, "a.xml") == b"<a/>"
    assert content(folder, UPath(other).name) == b"<b/>"


def test_a_write_that_dies_leaves_nothing_to_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = UPath(tmp_path / "upo")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", die)
    with pytest.raises(KeyboardInterrupt):
        save_upo(folder, "a.xml", b"<upo/>")
    monkeypatch.undo()
    assert names(folder) == []
    save_upo(folder, "a.xml", b"<upo/>")
    assert names(folder) == ["a.xml"]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    folder = UPath(tmp_path / "upo")
    save_upo(folder, "a.xml", b"<upo/>")
    with pytest.raises(KsefIntegrityError):
        save_upo(folder, "a.xml", b"<other/>")
    assert names(folder) == ["a.xml"]
