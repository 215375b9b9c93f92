"""The folder of schemas: found by name, complete or refused, never the web."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.documents import FORMS
from airflow_provider_ksef.emulator.elements import parse_document
from airflow_provider_ksef.emulator.schemas import SchemaFolderError, Schemas
from airflow_provider_ksef.emulator.synthetic import synthesize


def test_the_official_layout_has_every_form(shared_ksef: Path) -> None:
    schemas = Schemas(shared_ksef / "xsd")
    assert set(schemas.forms) == set(FORMS.values())
    for form in schemas.forms:
        assert "'a'" in (schemas.validate(form, parse_document(b"<a/>")) or "")


def test_files_are_found_wherever_they_lie(shared_ksef: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted((shared_ksef / "xsd" / "fa").rglob("*.xsd"))):
        target = tmp_path / f"deep{number}" / "er"
        target.mkdir(parents=True)
        shutil.copy(path, target)
    schemas = Schemas(tmp_path)
    invoice = synthesize("5250001210", "Subject2", 1, 1, date(2026, 3, 1))
    assert schemas.validate(FORMS["FA (3)"], parse_document(invoice.xml)) is None
    assert schemas.validate(FORMS["FA (3)"], parse_document(invoice.xml.replace(b"<P_16>", b"<P_16>x", 1)))


def test_a_form_without_schema_is_not_validated(shared_ksef: Path) -> None:
    schemas = Schemas(shared_ksef / "xsd" / "fa")
    assert set(schemas.forms) == {FORMS["FA (2)"], FORMS["FA (3)"]}
    assert schemas.validate(FORMS["PEF (3)"], parse_document(b"<a/>")) is None


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaFolderError, match="nowhere"):
        Schemas(tmp_path / "nowhere")


def test_a_folder_without_fa_3_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaFolderError, match=r"schemat_FA\(3\)_v1-0E\.xsd"):
        Schemas(tmp_path)


def test_a_missing_import_is_named_at_the_start(shared_ksef: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_ksef / "xsd" / "fa", tmp_path / "fa")
    (tmp_path / "fa/bazowe/ElementarneTypyDanych_v10-0E.xsd").unlink()
    with pytest.raises(SchemaFolderError, match=r"ElementarneTypyDanych_v10-0E\.xsd"):
        Schemas(tmp_path)
