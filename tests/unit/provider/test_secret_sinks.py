"""A secret's file: for its owner alone, whole or not there, and read again as it was written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.exceptions import KsefError, KsefInputError
from airflow_provider_ksef.operators import secret_sinks
from airflow_provider_ksef.operators.held_certificates import held_serial
from airflow_provider_ksef.operators.pending_secrets import PendingSecret
from airflow_provider_ksef.operators.secret_sinks import CallableSink, FileSink, NewSecret, sink_of
from airflow_provider_ksef.operators.token_making import held_reference
from tests.emulator.signing import seal
from tests.emulator_process import TOKEN

SIGNER = seal("VATPL-5250001210")
CERTIFICATE = NewSecret(certificate=SIGNER.pem.decode(), private_key=SIGNER.key_pem.decode())


@pytest.mark.parametrize("secret", [NewSecret(token=TOKEN), CERTIFICATE], ids=["token", "certificate"])
def test_what_is_saved_is_read_again_and_for_the_owner_alone(tmp_path: Path, secret: NewSecret) -> None:
    sink = FileSink(tmp_path / "secret")
    sink.check()
    assert sink.read() is None
    (tmp_path / "secret").write_text("an older one")
    (tmp_path / "secret").chmod(0o644)
    old_mask = os.umask(0)
    try:
        sink.save(secret)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert sink.read() == secret
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_what_is_pending_is_kept_beside_for_the_owner_alone_until_it_is_dropped(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "secret")
    pending = PendingSecret({"x": "y"}, 1.5, ("before",), token=TOKEN, reference_number="r")
    sink.save(CERTIFICATE)
    assert sink.read_pending() is None
    old_mask = os.umask(0)
    try:
        sink.keep_pending(pending)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE((tmp_path / "secret.pending").stat().st_mode) == 0o600
    assert (sink.read_pending(), sink.read()) == (pending, CERTIFICATE)
    half_written = [f".secret.{'0' * 16}", f".secret.pending.{'0' * 16}"]
    others = ["secret.of.another", f".secret2.{'0' * 16}", ".secret.0"]
    for name in (*half_written, *others):
        (tmp_path / name).touch()
    sink.drop_pending()
    assert sink.read_pending() is None
    assert {each.name for each in tmp_path.iterdir()} == {"secret", *others}
    sink.drop_pending()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"wanted": {}, "kept_at": "s3cret"}'])
def test_something_else_in_its_place_is_told_and_not_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret.pending").write_text(content)
    with pytest.raises(KsefError, match=r"secret\.pending holds something else") as told:
        FileSink(tmp_path / "secret").read_pending()
    assert "s3cret" not in str(told.value)


def test_a_connection_may_name_the_file_as_certificate_and_as_key(tmp_path: Path) -> None:
    FileSink(tmp_path / "secret").save(CERTIFICATE)
    path = str(tmp_path / "secret")
    assert read_certificate(path, path).certificate == SIGNER.certificate
    assert held_serial(FileSink(path)) == f"{SIGNER.certificate.serial_number:016X}"


def test_a_token_tells_its_reference_number(tmp_path: Path) -> None:
    FileSink(tmp_path / "secret").save(NewSecret(token=TOKEN))
    assert held_reference(FileSink(tmp_path / "secret")) == TOKEN.partition("|")[0]
    assert held_serial(FileSink(tmp_path / "secret")) is None


def test_a_failure_leaves_the_old_one_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(tmp_path / "secret")
    sink.save(NewSecret(token=TOKEN))

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(secret_sinks.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        sink.save(CERTIFICATE)
    assert sink.read() == NewSecret(token=TOKEN)
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_a_folder_that_is_not_there_is_told_before_ksef_is_asked(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "secret", tmp_path):
        with pytest.raises(KsefInputError, match="can be written to"):
            FileSink(path).check()


def test_secrets_are_not_shown() -> None:
    shown = f"{CERTIFICATE!r} {NewSecret(token=TOKEN)!r} {FileSink('/data/x')!r}"
    assert TOKEN.rpartition("|")[2] not in shown
    assert "BEGIN" not in shown


def test_a_function_is_a_sink_and_a_name_is_none() -> None:
    kept: list[NewSecret] = []
    sink = sink_of(kept.append)
    assert isinstance(sink, CallableSink)
    sink.save(CERTIFICATE)
    assert kept == [CERTIFICATE]
    with pytest.raises(KsefInputError, match="sink='str': takes no secrets"):
        sink_of("/data/secret")  # type: ignore[arg-type]
