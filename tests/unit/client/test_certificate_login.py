"""The login with a certificate, from the challenge to the access token."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from airflow_provider_ksef.client import CertificateCredential
from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError, KsefLoginError
from tests.unit.client.certificate_samples import certificate_of, key_of, key_pem
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import SETTINGS, FakeKsef, problem
from tests.unit.client.test_auth_request import NAMES, verify

ECHO: Call[dict[str, str]] = Call("GET", "/echo", json_parser(dict[str, str], dict), is_safe=True)
KEY = key_of("secp256r1")
CREDENTIAL = CertificateCredential(certificate_of(KEY), KEY)


@pytest.fixture
def ksef() -> FakeKsef:
    return FakeKsef(settings=replace(SETTINGS, credential=CREDENTIAL))


def test_the_document_is_signed_for_ksefs_challenge(ksef: FakeKsef, run_all: RunAll) -> None:
    [echo] = run_all(ksef, ECHO)
    assert echo["bearer"] == "access-secret-1"
    verify(ksef.document_seen)
    root = etree.fromstring(ksef.document_seen)
    assert root.findtext("{*}Challenge") == "20260901-CR-1A2B3C4000-0F1E2D3C4B-7A"
    assert root.findtext("{*}ContextIdentifier/{*}Nip") == "5250001210"
    [sent] = [request for request in ksef.requests if request.url.path == "/v2/auth/xades-signature"]
    assert sent.headers["Content-Type"] == "application/xml"
    assert "Authorization" not in sent.headers
    assert ksef.counts["GET /security/public-key-certificates"] == 0
    assert ksef.counts["DELETE /auth/sessions/current"] == 1


@pytest.mark.parametrize("skew", [-5 * 86400.0, 5 * 86400.0])
def test_the_signature_says_ksefs_time_whatever_our_clock(
    ksef: FakeKsef, run_all: RunAll, skew: float
) -> None:
    ksef.clock_skew = skew
    certificate = certificate_of(KEY, begins=timedelta(days=-10))
    ksef.settings = replace(SETTINGS, credential=CertificateCredential(certificate, KEY))
    run_all(ksef, ECHO)
    root = etree.fromstring(ksef.document_seen)
    [said] = root.xpath("//xades:SigningTime/text()", namespaces=NAMES)
    theirs = datetime.now(UTC) + timedelta(seconds=skew)
    assert abs(datetime.fromisoformat(said) - theirs) < timedelta(seconds=30)


@pytest.mark.parametrize(("skew", "words"), [(40 * 86400.0, "expired"), (-86400.0, "not valid before")])
def test_a_certificate_is_judged_by_ksefs_time_before_it_is_sent(
    ksef: FakeKsef, run_all: RunAll, skew: float, words: str
) -> None:
    ksef.clock_skew = skew
    with pytest.raises(KsefInputError, match=words):
        run_all(ksef, ECHO)
    assert ksef.counts == {"POST /auth/challenge": 1}


def test_a_refused_certificate_names_the_sub_cause(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.statuses = [{"code": 460, "description": "Błąd certyfikatu", "details": ["Certyfikat odwołany"]}]
    with pytest.raises(KsefLoginError, match="Certyfikat odwołany") as raised:
        run_all(ksef, ECHO)
    assert "certificate" in raised.value.remedy


@pytest.mark.parametrize("code", [9105, 21115, 21117, 21401, 21406])
def test_a_refused_signature_has_a_remedy_and_is_not_repeated(
    ksef: FakeKsef, run_all: RunAll, code: int
) -> None:
    ksef.replies["POST /auth/xades-signature"] = [problem(400, code)]
    with pytest.raises(KsefApiError) as raised:
        run_all(ksef, ECHO)
    assert raised.value.fault.code == code
    assert raised.value.remedy != "Change what the details name."
    assert ksef.counts["POST /auth/xades-signature"] == 1


def test_a_revoked_login_is_made_anew_with_a_new_signature(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.revoked = {"access-secret-1"}
    ksef.replies["POST /auth/token/refresh"] = [problem(400, 21301)]
    [echo] = run_all(ksef, ECHO)
    assert echo["bearer"] == "access-secret-2"
    assert ksef.counts["POST /auth/xades-signature"] == 2


def test_the_key_is_in_no_log(ksef: FakeKsef, run_all: RunAll, caplog: pytest.LogCaptureFixture) -> None:
    for logger in (None, "httpx", "httpcore", "signxml"):
        caplog.set_level(logging.DEBUG, logger)
    run_all(ksef, ECHO)
    assert "/auth/xades-signature" in caplog.text
    assert not [line for line in key_pem(KEY).splitlines()[1:-1] if line in caplog.text]
    assert repr(ksef.settings.credential) in repr(ksef.settings)
    assert "PrivateKey" not in repr(ksef.settings)
