"""Logging in with a certificate: every shape of signature that a client of KSeF makes."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from ksef_client.services.xades import sign_xades_enveloped
from lxml import etree
from signxml import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.xades import XAdESSigner

from tests.emulator.peer import Peer, error_code
from tests.emulator.signing import (
    C14N,
    C14N_11,
    DIGESTS,
    DS,
    ECDSA_SHA256,
    ENVELOPED,
    EXCLUSIVE,
    HASHES,
    MORE,
    MORE_2007,
    MORE_2021,
    XPATH,
    XPATH_FILTER,
    Shape,
    Signer,
    canonicalize,
    make_key,
    person,
    request_xml,
    seal,
)
from tests.emulator_process import NIP, start_emulator


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def ec_person(curve: str = "SECP256R1") -> Signer:
    return person(key=make_key(curve))


ECDSA_HASHES = {
    "SECP256R1": "sha256",
    "SECP384R1": "sha384",
    "SECP521R1": "sha512",
    "BrainpoolP256R1": "sha1",
}
SHAPES: dict[str, tuple[Shape, Callable[[], Signer]]] = {
    "C# with RSA": (Shape(), person),
    "C# with ECDSA": (Shape(method=ECDSA_SHA256), ec_person),
    "Java with XPath filter": (
        Shape(c14n=EXCLUSIVE, transforms=XPATH_FILTER + canonicalize(EXCLUSIVE)),
        person,
    ),
    "Java enveloping": (
        Shape(c14n=EXCLUSIVE, transforms=f'<ds:Transform Algorithm="{DS}base64"/>', envelopes="base64"),
        person,
    ),
    "enveloping XML": (Shape(transforms=canonicalize(EXCLUSIVE), envelopes="xml"), person),
    "XPath": (Shape(transforms=XPATH + canonicalize(EXCLUSIVE)), person),
    "other names": (Shape(ids=("xmldsig-7", "p-8"), certificate="SigningCertificateV2"), person),
    "no canonicalization of the request": (Shape(transforms=ENVELOPED), person),
    **{
        f"canonicalized by {algorithm}{comments}": (
            Shape(
                c14n=f"{algorithm}{comments}",
                transforms=ENVELOPED + canonicalize(f"{algorithm}{comments}"),
            ),
            person,
        )
        for algorithm in (C14N, C14N_11, EXCLUSIVE)
        for comments in ("", "WithComments" if algorithm == EXCLUSIVE else "#WithComments")
    },
    **{
        f"RSA with {name}": (Shape(method=f"{DS if name == 'sha1' else MORE}rsa-{name}"), person)
        for name in ("sha1", "sha384", "sha512")
    },
    **{f"RSA-PSS with {name}": (Shape(method=f"{MORE_2007}{name}-rsa-MGF1"), person) for name in HASHES},
    **{
        f"ECDSA on {curve} with {name}": (
            Shape(method=f"{MORE}ecdsa-{name}"),
            lambda curve=curve: ec_person(curve),
        )
        for curve, name in ECDSA_HASHES.items()
    },
    **{
        f"ECDSA with {name}": (Shape(method=f"{MORE_2021}ecdsa-{name}"), ec_person)
        for name in ("sha3-256", "sha3-384", "sha3-512")
    },
    **{f"digests by {name}": (Shape(digest=uri), person) for uri, name in DIGESTS.items()},
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_signature_lets_in(stranger: Peer, name: str) -> None:
    shape, make_signer = SHAPES[name]
    document = shape.sign(request_xml(stranger.challenge()["challenge"]), make_signer())
    redeemed = stranger.enter(stranger.submit_signed(document))
    told = claims(redeemed["accessToken"]["token"])
    assert (told["cit"], told["civ"], json.loads(told["per"])) == ("Nip", NIP, ["Owner"])
    assert stranger.http.get("/limits/context").status_code == 200


@pytest.mark.parametrize("version", ["2.0", "2.1"])
@pytest.mark.parametrize("make_signer", [person, ec_person])
def test_what_ksef2_signs_by_signxml_lets_in(
    stranger: Peer, version: str, make_signer: Callable[[], Signer]
) -> None:
    signer = make_signer()
    method = SignatureMethod.RSA_SHA256 if make_signer is person else SignatureMethod.ECDSA_SHA256
    signing = XAdESSigner(
        signature_algorithm=method,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_1,
    )
    root = etree.fromstring(request_xml(stranger.challenge()["challenge"], version=version))
    signed = signing.sign(root, key=signer.key_pem, cert=signer.pem.decode())
    stranger.enter(stranger.submit_signed(etree.tostring(signed)))


@pytest.mark.parametrize("make_signer", [person, ec_person, seal])
def test_what_ksef_client_signs_by_xmlsec_lets_in(stranger: Peer, make_signer: Callable[[], Signer]) -> None:
    signer = make_signer()
    xml = request_xml(stranger.challenge()["challenge"])
    stranger.enter(
        stranger.submit_signed(sign_xades_enveloped(xml, signer.pem.decode(), signer.key_pem.decode()))
    )


def test_a_certificate_that_signed_itself_by_pss_lets_in(stranger: Peer) -> None:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    document = Shape().sign(request_xml(stranger.challenge()["challenge"]), person(rsa_padding=pss))
    stranger.enter(stranger.submit_signed(document))


def test_white_space_comments_and_a_byte_order_mark_do_not_matter(stranger: Peer) -> None:
    challenge = stranger.challenge()["challenge"]
    xml = request_xml(challenge).replace(challenge, f"\n {challenge[:9]}<!-- c -->{challenge[9:]} ")
    document = Shape().sign(xml, person())
    stranger.enter(stranger.submit_signed(b"\xef\xbb\xbf" + document.encode()))


def test_the_status_and_the_token_tell_who_signed(stranger: Peer) -> None:
    for signer, method, code, subject in (
        (person(), "QualifiedSignature", "xades.qualified-signature", {"type": "Nip", "value": NIP}),
        (seal(), "QualifiedSeal", "xades.qualified-seal", {"type": "Nip", "value": NIP}),
    ):
        document = Shape().sign(request_xml(stranger.challenge()["challenge"]), signer)
        submitted = stranger.submit_signed(document)
        status = stranger.login_status(submitted)
        assert status["authenticationMethod"] == method
        assert status["authenticationMethodInfo"]["category"] == "XadesSignature"
        assert status["authenticationMethodInfo"]["code"] == code
        told = claims(stranger.enter(submitted)["accessToken"]["token"])
        assert told["aum"] == method
        details = json.loads(told["sud"])
        assert details["subjectIdentifier"] == subject
        assert details["countryName"] == "PL"
        assert ("givenNames" in details) == (method == "QualifiedSignature")
        assert ("organizationIdentifier" in details) == (method == "QualifiedSeal")


@pytest.fixture(scope="module")
def strict(shared_ksef: Path) -> Iterator[Peer]:
    """A client of an emulator that has the official schemas."""
    emulator = start_emulator("--xsd-dir", str(shared_ksef / "xsd"))
    yield Peer(emulator)
    emulator.stop()


POLICY = (
    "<AuthorizationPolicy><AllowedIps><Ip4Address>127.0.0.1</Ip4Address><Ip4Range>10.0.0.1-10.0.0.9"
    "</Ip4Range><Ip4Mask>192.168.0.0/16</Ip4Mask></AllowedIps></AuthorizationPolicy>"
)
PROVIDER = "PPL123456"


@pytest.mark.parametrize("version", ["2.0", "2.1"])
@pytest.mark.parametrize(
    ("context", "make_signer"),
    [
        (("Nip", NIP), person),
        (("InternalId", f"{NIP}-12346"), person),
        (("NipVatUe", f"{NIP}-DE123456789"), person),
        (("PeppolId", PROVIDER), lambda: seal(PROVIDER, PROVIDER)),
    ],
)
def test_the_official_schemas_take_every_context(
    strict: Peer, version: str, context: tuple[str, str], make_signer: Callable[[], Signer]
) -> None:
    xml = request_xml(strict.challenge()["challenge"], context, version=version, policy=POLICY)
    assert strict.submit_signed(Shape().sign(xml, make_signer())).status_code == 202


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_what_the_official_schemas_do_not_take_is_21401(strict: Peer, version: str) -> None:
    xml = request_xml(strict.challenge()["challenge"], version=version).replace("certificateSubject", "x")
    refused = strict.submit_signed(Shape().sign(xml, person()))
    assert error_code(refused) == 21401
    assert "enumeration" in refused.text
