"""Login with a certificate against the emulator, whose verification shares nothing with our signing."""

from __future__ import annotations

import asyncio
import base64
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.client import (
    AsyncKsefClient,
    CertificateCredential,
    ContextIdentifier,
    KsefClient,
    Settings,
    limits,
)
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError, KsefLoginError
from airflow_provider_ksef.hooks.ksef import KsefHook
from tests.emulator.granting import enter_below
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.airflow_runs import OWN_DAGS, connect, run_dag
from tests.system.client_ways import settings_of
from tests.system.secret_search import KSEF_JWT, assert_none, assert_none_below
from tests.unit.client.certificate_samples import (
    PASSWORD,
    PERSON,
    SEAL,
    certificate_of,
    key_of,
    key_pem,
    p12,
    pem,
)

KINDS = ("rsa-2048", "rsa-3072", "secp256r1", "secp384r1", "secp521r1")
KEY = key_of("secp256r1")
ALIEN_NIP = "5265877635"


def settings_with(
    emulator: EmulatorProcess, certificate: Any = None, key: Any = KEY, **choices: str
) -> Settings:
    credential = CertificateCredential(certificate or certificate_of(key, SEAL), key, **choices)
    return replace(settings_of(emulator), credential=credential)


@pytest.mark.parametrize("names", [PERSON, SEAL], ids=["person", "seal"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_of_every_kind_logs_in(
    emulator: EmulatorProcess, kind: str, names: dict[Any, str]
) -> None:
    key = key_of(kind)
    with KsefClient(settings_with(emulator, certificate_of(key, names), key)) as ksef:
        assert ksef.run(limits.context_limits()).online_session.max_invoices
    requests = emulator.requests()
    assert requests["POST /auth/xades-signature"] == requests["DELETE /auth/sessions/current"] == 1
    assert "GET /security/public-key-certificates" not in requests


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_both_versions_of_the_document_log_in(emulator: EmulatorProcess, version: str) -> None:
    async def main() -> None:
        async with AsyncKsefClient(settings_with(emulator, auth_schema_version=version)) as ksef:
            await ksef.run(limits.rate_limits())

    asyncio.run(main())


def test_a_unit_of_the_company_logs_in(emulator: EmulatorProcess) -> None:
    enter_below(emulator)
    unit = ContextIdentifier("InternalId", f"{NIP}-12346")
    with KsefClient(replace(settings_with(emulator), context=unit)) as ksef:
        ksef.log_in()


def test_a_certificate_that_an_authority_issued_logs_in(emulator: EmulatorProcess) -> None:
    """KSeF's own certificates are no others: the holder's names, signed by KSeF."""
    authority_key = key_of("rsa-3072")
    authority = certificate_of(authority_key, {NameOID.COMMON_NAME: "Certyfikaty KSeF"})
    issued = certificate_of(KEY, PERSON, issuer=(authority, authority_key))
    with KsefClient(settings_with(emulator, issued)) as ksef:
        ksef.log_in()


def test_a_fingerprint_that_was_granted_something_logs_in(emulator: EmulatorProcess) -> None:
    nobody = certificate_of(KEY, {NameOID.COMMON_NAME: "Nobody", NameOID.COUNTRY_NAME: "PL"})
    grant = {
        "contextIdentifier": {"type": "Nip", "value": NIP},
        "authorizedIdentifier": {
            "type": "Fingerprint",
            "value": nobody.fingerprint(hashes.SHA256()).hex().upper(),
        },
        "permissions": [{"permissionType": "InvoiceRead", "description": "a robot's certificate"}],
    }
    httpx.post(f"{emulator.url}/testdata/permissions", json=grant).raise_for_status()
    settings = settings_with(emulator, nobody, subject_identifier_type="certificateFingerprint")
    with KsefClient(settings) as ksef:
        assert ksef.run(limits.rate_limits())


@pytest.mark.parametrize("fault", [{"drop": "before"}, {"drop": "after"}, {"status": 502, "body": "<html>"}])
@pytest.mark.parametrize("step", ["xades-signature", "token/redeem"])
def test_a_login_that_is_broken_off_is_begun_anew(
    emulator: EmulatorProcess, step: str, fault: dict[str, Any]
) -> None:
    emulator.control("faults", method="POST", path=f"/auth/{step}", times=1, **fault)
    with KsefClient(settings_with(emulator)) as ksef:
        ksef.log_in()
    assert emulator.requests()["POST /auth/challenge"] == 2


@pytest.mark.parametrize("subject", ["certificateSubject", "certificateFingerprint"])
def test_who_has_no_right_in_the_context_is_refused(emulator: EmulatorProcess, subject: str) -> None:
    names = {**SEAL, NameOID.ORGANIZATION_IDENTIFIER: f"VATPL-{ALIEN_NIP}"}
    settings = settings_with(emulator, certificate_of(KEY, names), subject_identifier_type=subject)
    with KsefClient(settings) as ksef, pytest.raises(KsefLoginError) as raised:
        ksef.log_in()
    assert (raised.value.code, raised.value.details) == (415, ("Brak przypisanych uprawnień",))


def test_a_certificate_without_numbers_is_refused_with_a_remedy(emulator: EmulatorProcess) -> None:
    names = {NameOID.COMMON_NAME: "Nobody", NameOID.COUNTRY_NAME: "PL"}
    with (
        KsefClient(settings_with(emulator, certificate_of(KEY, names))) as ksef,
        pytest.raises(KsefApiError) as raised,
    ):
        ksef.log_in()
    assert raised.value.fault.code in (21115, 21406)
    assert "ertificate" in raised.value.remedy


def test_ksefs_clock_decides_whether_a_certificate_is_valid(emulator: EmulatorProcess) -> None:
    emulator.control("clock", advance=3 * 86400)
    still_valid = certificate_of(KEY, SEAL, ends=timedelta(days=4))
    with KsefClient(settings_with(emulator, still_valid)) as ksef:
        ksef.log_in()
    with (
        KsefClient(settings_with(emulator, certificate_of(KEY, SEAL, ends=timedelta(days=2)))) as ksef,
        pytest.raises(KsefInputError, match="expired"),
    ):
        ksef.log_in()
    assert emulator.requests()["POST /auth/xades-signature"] == 1


PEM = {"certificate": pem(certificate_of(KEY, SEAL)), "private_key": key_pem(KEY)}
LOCKED = {**PEM, "private_key": key_pem(KEY, PASSWORD), "private_key_password": PASSWORD}
PKCS12 = {
    "certificate": base64.b64encode(p12(KEY, certificate_of(KEY, SEAL), PASSWORD)).decode(),
    "private_key_password": PASSWORD,
}


@pytest.mark.parametrize("extra", [PEM, LOCKED, PKCS12], ids=["PEM", "encrypted", "PKCS#12"])
def test_a_connection_with_a_certificate_is_tested(
    emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]
) -> None:
    connect(monkeypatch, emulator, password=None, extra=extra)
    succeeded, message = KsefHook().test_connection()
    assert succeeded, message
    assert "with the certificate Alfa" in message


def test_a_task_with_a_certificate_leaves_no_secret(
    connected: EmulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    outgoing: Path,
    airflow_home: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    connect(monkeypatch, connected, password=None, extra=LOCKED)
    sync = {"tables_path": str(tmp_path / "tables"), "sync_from": "2026-03-01"}
    with caplog.at_level(logging.DEBUG):
        assert (
            run_dag(
                OWN_DAGS, "submit_deferred", {"invoices": str(outgoing), "upo_path": str(tmp_path / "upo")}
            ).state
            == "success"
        )
        assert run_dag(OWN_DAGS, "sync_deferred", sync).state == "success"
    assert connected.requests()["POST /auth/xades-signature"] >= 2
    lines = [*key_pem(KEY).splitlines()[1:-1], *LOCKED["private_key"].splitlines()[1:-1], PASSWORD]
    secrets = [*(line.encode() for line in lines if len(line) >= 5), KSEF_JWT]
    printed = capfd.readouterr()
    assert "accepted" in printed.out + printed.err + caplog.text
    assert_none(secrets, "the logs", (printed.out + printed.err + caplog.text).encode())
    for folder in (airflow_home, tmp_path / "tables"):
        assert_none_below(secrets, folder)
