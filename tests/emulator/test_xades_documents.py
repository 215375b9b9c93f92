"""Signed requests whose document or certificate KSeF does not take, each wrong in one way."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable

import pytest
from cryptography.x509.oid import NameOID

from tests.emulator.entering import grant, submit
from tests.emulator.peer import Peer, bearer, error_code
from tests.emulator.signing import ECDSA_SHA256, Shape, certify, make_key, person, request_xml, seal, signed
from tests.emulator_process import NIP

OTHER_NIP = "1111111111"
Make = Callable[[str], str | bytes]


PERSON = {
    NameOID.GIVEN_NAME: "Jan",
    NameOID.SURNAME: "Kowalski",
    NameOID.SERIAL_NUMBER: f"TINPL-{NIP}",
    NameOID.COMMON_NAME: "Jan Kowalski",
    NameOID.COUNTRY_NAME: "PL",
}
SEAL = {
    NameOID.ORGANIZATION_NAME: "Alfa sp. z o.o.",
    NameOID.ORGANIZATION_IDENTIFIER: f"VATPL-{NIP}",
    NameOID.COMMON_NAME: "Alfa",
    NameOID.COUNTRY_NAME: "PL",
}


def without_signature(document: str) -> str:
    return re.sub(r"<ds:Signature .*</ds:Signature>", "", document, flags=re.DOTALL)


def twice(challenge: str) -> str:
    document = signed(challenge)
    signature = re.search(r"<ds:Signature .*</ds:Signature>", document, re.DOTALL)
    assert signature
    second = signature[0].replace('"Signature"', '"Second"').replace('"SignedProperties"', '"Other"')
    return document.replace("</AuthTokenRequest>", f"{second}</AuthTokenRequest>")


def changed(pattern: str, replacement: str) -> Make:
    return lambda challenge: Shape().sign(
        re.sub(pattern, replacement, request_xml(challenge), flags=re.DOTALL), person()
    )


def certified_by(challenge: str, der: bytes) -> str:
    """Another certificate than that of the signer."""
    text = b64encode(der).decode()
    return re.sub("(<ds:X509Certificate>).*(</ds:X509C)", rf"\1{text}\2", signed(challenge), flags=re.DOTALL)


OTHER_CODES: dict[str, tuple[Make, int]] = {
    "no signature": (lambda challenge: without_signature(signed(challenge)), 9102),
    "two signatures": (twice, 9103),
    "another document": (lambda _: "<Faktura/>", 9101),
    "a detached signature": (
        lambda challenge: re.sub(
            '<ds:Object Id="request">.*?</ds:Object>',
            "",
            Shape(envelopes="base64").sign(request_xml(challenge), person()),
        ),
        9101,
    ),
    "a DTD": (lambda challenge: f"<!DOCTYPE a [<!ENTITY b 'c'>]>{signed(challenge)}", 9101),
    "another version": (changed("token/2.1", "token/3.0"), 9101),
    "no XML": (lambda _: "{}", 21001),
    "nothing": (lambda _: "", 21001),
    "cut off": (lambda challenge: signed(challenge)[:-5], 21001),
    "not UTF-8": (lambda challenge: signed(challenge).encode().replace(b"Challenge", b"\xff", 1), 21217),
    "declared as something else": (
        lambda challenge: f"<?xml version='1.0' encoding='windows-1250'?>{signed(challenge)}",
        21217,
    ),
    "no context": (changed("<ContextIdentifier>.*</ContextIdentifier>", ""), 21401),
    "a context of no kind": (changed("Nip>", "Regon>"), 21401),
    "two contexts": (changed("</Nip>", f"</Nip><Nip>{NIP}</Nip>"), 21401),
    "a wrong NIP": (changed(f">{NIP}<", ">0123456789<"), 21401),
    "a wrong challenge": (changed("-CR-", "-AU-"), 21401),
    "another order": (changed("(<Challenge>.*</Challenge>)(.*)(</Auth)", r"\2\1\3"), 21401),
    "something more": (changed("</AuthTokenRequest", "<More/></AuthTokenRequest"), 21401),
    "an attribute": (changed("<Challenge>", "<Challenge a='b'>"), 21401),
    "text between elements": (changed("<ContextIdentifier>", "<ContextIdentifier>x"), 21401),
    "an element within text": (changed(f">{NIP}<", f">{NIP}<b/><"), 21401),
    "a child of another namespace": (changed("<Challenge>", '<Challenge xmlns="urn:x">'), 21401),
    "a wrong address": (
        changed(
            "</Subj(.*)</AuthTokenRequest",
            r"</Subj\1<AuthorizationPolicy><AllowedIps><Ip4Address>256.0.0.1</Ip4Address></AllowedIps>"
            "</AuthorizationPolicy></AuthTokenRequest",
        ),
        21401,
    ),
    "an unknown challenge": (
        lambda _: signed("20260901-CR-1A2B3C4000-0F1E2D3C4B-7A"),
        21111,
    ),
    "no number in the certificate": (
        lambda challenge: Shape().sign(request_xml(challenge), person("PESEL-9876543210")),
        21406,
    ),
    "a seal without NIP": (lambda challenge: Shape().sign(request_xml(challenge), seal("LEIPL-12")), 21406),
    "a Peppol provider elsewhere": (
        lambda challenge: Shape().sign(request_xml(challenge), seal("PPL123456", "PPL123456")),
        21117,
    ),
    "a person as Peppol provider": (
        lambda challenge: Shape().sign(request_xml(challenge, ("PeppolId", "PPL123456")), person()),
        21117,
    ),
    "a short RSA key": (
        lambda challenge: Shape().sign(request_xml(challenge), person(key=make_key("rsa-1024"))),
        21115,
    ),
    "a small curve": (
        lambda challenge: Shape(method=ECDSA_SHA256).sign(
            request_xml(challenge), person(key=make_key("SECP224R1"))
        ),
        21115,
    ),
    "no certificate": (
        lambda challenge: re.sub(
            "<ds:X509Data>.*</ds:X509Data>", "<ds:KeyName>x</ds:KeyName>", signed(challenge), flags=re.DOTALL
        ),
        21115,
    ),
    "an unreadable certificate": (
        lambda challenge: re.sub(
            "(<ds:X509Certificate>).*(</ds:X509C)", r"\1TUlJ\2", signed(challenge), flags=re.DOTALL
        ),
        21115,
    ),
    "a certificate of an unheard-of version": (
        lambda challenge: certified_by(
            challenge, person().der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", 1)
        ),
        21115,
    ),
}


@pytest.mark.parametrize("case", OTHER_CODES)
def test_what_is_wrong_is_told_by_its_code(stranger: Peer, case: str) -> None:
    make, code = OTHER_CODES[case]
    answer = stranger.submit_signed(make(stranger.challenge()["challenge"]))
    assert error_code(answer) == code


@pytest.mark.parametrize("left_out", ["givenName", "surname", "serialNumber", "commonName", "countryName"])
def test_a_personal_certificate_that_lacks_an_attribute_enters_by_fingerprint_only(
    stranger: Peer, left_out: str
) -> None:
    signer = certify({oid: value for oid, value in PERSON.items() if left_out != oid._name})
    refused = submit(stranger, signer)
    assert error_code(refused) == 21115
    assert refused.text.count("Brak wymaganych atrybutów podmiotu certyfikatu: " + left_out + ".") == 1
    grant(stranger, "Fingerprint", signer.fingerprint, "InvoiceRead")
    stranger.enter(submit(stranger, signer, identify_by="certificateFingerprint"))


@pytest.mark.parametrize("left_out", ["organizationName", "commonName", "countryName"])
def test_a_seal_that_lacks_an_attribute_is_21115(stranger: Peer, left_out: str) -> None:
    refused = submit(stranger, certify({oid: each for oid, each in SEAL.items() if left_out != oid._name}))
    assert error_code(refused) == 21115
    assert f"certyfikatu: {left_out}." in refused.text


def test_a_challenge_lets_sign_once(stranger: Peer) -> None:
    document = signed(stranger.challenge()["challenge"])
    assert stranger.submit_signed(document).status_code == 202
    assert error_code(stranger.submit_signed(document)) == 21111


def test_a_refused_signature_does_not_use_the_challenge_up(stranger: Peer) -> None:
    challenge = stranger.challenge()["challenge"]
    assert error_code(stranger.submit_signed(signed(challenge).replace(NIP, OTHER_NIP))) == 9105
    assert stranger.submit_signed(signed(challenge)).status_code == 202


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_another_content_type_is_415(stranger: Peer, content_type: str) -> None:
    answer = stranger.http.post(
        "/auth/xades-signature",
        content=signed(stranger.challenge()["challenge"]),
        headers={"Content-Type": content_type},
    )
    assert answer.status_code == 415


def test_a_huge_document_is_refused(stranger: Peer) -> None:
    assert error_code(stranger.submit_signed("<a>" + "x" * 1_000_000 + "</a>")) == 21405


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)])
def test_a_certificate_out_of_date_is_460(stranger: Peer, days: tuple[float, float]) -> None:
    document = Shape().sign(request_xml(stranger.challenge()["challenge"]), person(days=days))
    status = stranger.login_status(stranger.submit_signed(document))["status"]
    assert (status["code"], status["details"]) == (460, ["Nieważny certyfikat"])
    assert status["description"] == "Uwierzytelnianie zakończone niepowodzeniem z powodu błędu certyfikatu"


def test_a_chain_that_must_be_verified_is_460(stranger: Peer) -> None:
    issuer = certify({NameOID.COMMON_NAME: "Wystawca"}, make_key("SECP256R1"))
    for signer, detail in (
        (person(), "Niezaufany łańcuch certyfikatów"),
        (person(issuer=issuer), "Błąd weryfikacji łańcucha certyfikatów"),
    ):
        document = Shape().sign(request_xml(stranger.challenge()["challenge"]), signer)
        submitted = stranger.submit_signed(document, verifyCertificateChain="true")
        status = stranger.login_status(submitted)["status"]
        assert (status["code"], status["details"]) == (460, [detail])
        operation = bearer(submitted.json()["authenticationToken"]["token"])
        assert error_code(stranger.http.post("/auth/token/redeem", headers=operation)) == 21301
