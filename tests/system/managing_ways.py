"""Managing a company as its owner, logged in by its seal, as an Airflow connection says it."""

from __future__ import annotations

import json

import pytest

from airflow_provider_ksef.client import waiting
from tests.emulator.signing import Signer, make_key, seal
from tests.emulator_process import NIP, EmulatorProcess

OWNER = seal(f"VATPL-{NIP}", key=make_key("SECP256R1"))
"""Its key is read and masked in no time, unlike one of RSA, which test_client_xades.py logs in by."""


def connect_as(
    monkeypatch: pytest.MonkeyPatch,
    emulator: EmulatorProcess,
    signer: Signer = OWNER,
    login: str = NIP,
    **more: str,
) -> None:
    """Let ``ksef_default`` log in by a certificate, and what it waits for be asked for at once."""
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 0.1)
    extra = {"certificate": signer.pem.decode(), "private_key": signer.key_pem.decode(), **more}
    connection = emulator.connection(password="", extra=json.dumps(extra), login=login)
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connection)
