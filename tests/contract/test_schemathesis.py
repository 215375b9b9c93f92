"""Schemathesis asks the emulator whatever the official file allows, and much that it forbids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from airflow_provider_ksef.emulator.samples import make_samples
from tests.contract.additions import GATEWAY_STATUSES
from tests.contract.still_to_come import EMULATOR_STILL_TO_COME
from tests.emulator.entering import entered
from tests.emulator.granting import ask, given, looked_up, outcome_of, to_authorized, to_entity
from tests.emulator.packing import Upload, make_zip
from tests.emulator.peer import APRIL, Peer, bearer, by_storage, logged_in
from tests.emulator.requesting import apply, enrollment, enrollment_data, write_request
from tests.emulator.signing import seal
from tests.emulator_process import NIP, start_emulator
from tests.official import CONTRACT

if not CONTRACT.is_file():
    pytest.skip(f"the official contract is not at {CONTRACT}", allow_module_level=True)

MARCH = ("--seed-from", "2026-03-01", "--seed-to", "2026-03-20")
# Left out: that wrong data, a missing token or another method is refused. KSeF ignores unknown members and
# the case of names, so much that looks wrong is right; what it refuses is told by the emulator's own tests.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What only those may do who logged in by certificate.
OF_OWNER = (
    "/certificates/limits",
    "/certificates/enrollments/data",
    "/certificates/enrollments",
    "/certificates/enrollments/{referenceNumber}",
    "/certificates/retrieve",
    "/certificates/{certificateSerialNumber}/revoke",
    "/certificates/query",
    "/testdata/certificates/{serialNumber}",
    "/tokens",
)
# Few, and the same ones each time. Other methods than the declared ones are answered by the gateway's 405.
CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"max-examples": 4, "deterministic": True, "no-shrink": True, "database": "none"},
        "phases": {"examples": {"enabled": False}, "coverage": {"unexpected-methods": []}},
    }
)


def official_document() -> dict[str, Any]:
    """The file, with the statuses that come before any operation and are declared for none of them."""
    document: dict[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    problem = {"description": "Gateway", "content": {"application/problem+json": {"schema": {}}}}
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].update({str(status): problem for status in GATEWAY_STATUSES})
    return document


@dataclass(frozen=True)
class Target:
    """
    An emulator of its own, and what exists there.

    :param access: the token for all operations but a few.
    :param tokens: those of the few, by path.
    :param known: path parameters that lead to something, by the beginning of the path.
    :param encryption: a symmetric key that the emulator can decrypt.
    """

    url: str
    access: str
    tokens: dict[str, str]
    known: dict[str, dict[str, str]]
    encryption: dict[str, str]

    def lead(self, case: schemathesis.Case) -> None:
        """Let the path lead to something that exists, and the key be a real one."""
        if isinstance(case.body, dict) and "encryption" in case.body:
            case.body = {**case.body, "encryption": self.encryption}
        for beginning, values in self.known.items():
            if case.path.startswith(beginning):
                case.path_parameters = {
                    name: values.get(name, made_up) for name, made_up in case.path_parameters.items()
                }
                return


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    emulator = start_emulator("--hwm-lag", "0", "--seed-invoices", "20", *MARCH)
    with logged_in(emulator) as spare, logged_in(emulator) as peer:
        yield furnish(peer, spare, entered(emulator, seal()))
    emulator.stop()


def furnish(peer: Peer, spare: Peer, owner: Peer) -> Target:
    """
    Let there be something behind each path, but what a run through all operations uses up.

    :param owner: has logged in by certificate, which tokens and certificates want.
    """
    applied = apply(owner, write_request(enrollment_data(owner)))
    serial = enrollment(owner, applied)["certificateSerialNumber"]
    peer.emulator.control("seed", nip=NIP, subjectType="Subject1", count=2)
    sold = [{"ksefNumber": number} for number in peer.emulator.ksef_numbers(NIP, "Subject1")[:2]]
    collected = peer.http.post("/collective-identifiers", json={"invoices": sold}).json()
    files = {each.name: each.xml for each in make_samples(NIP, 2, 1, 1, datetime.now(UTC).date())}
    opened = peer.open_batch(Upload(make_zip(files))).json()
    session = peer.send(Upload(make_zip(files)))
    pages = peer.session(session).get("upo", {}).get("pages", [])
    accepted = next(each for each in peer.invoices(session) if "ksefNumber" in each)
    exported = peer.start_export(by_storage(end=APRIL))
    peer.export_status(exported)
    begun = peer.submit_token().json()
    owner = entered(peer.emulator, seal())
    operation = ask(owner, "entities", to_entity("InvoiceRead"))
    given(owner, "authorizations", to_authorized("SelfInvoicing"))
    assert outcome_of(owner, operation) == 200
    permission = looked_up(owner, "persons/grants", queryType="PermissionsInCurrentContext")[0]["id"]
    logins = spare.http.get("/auth/sessions").json()["items"]
    return Target(
        url=peer.emulator.url,
        access=peer.http.headers["Authorization"].removeprefix("Bearer "),
        tokens={
            "/auth/{referenceNumber}": begun["authenticationToken"]["token"],
            "/auth/token/redeem": begun["authenticationToken"]["token"],
            "/auth/token/refresh": peer.log_in()["refreshToken"]["token"],
            **dict.fromkeys(OF_OWNER, owner.http.headers["Authorization"].removeprefix("Bearer ")),
        },
        known={
            "/auth/sessions/": {
                "referenceNumber": next(each["referenceNumber"] for each in logins if each["isCurrent"])
            },
            "/auth/": {"referenceNumber": begun["referenceNumber"]},
            "/sessions/batch/": {"referenceNumber": opened["referenceNumber"]},
            "/sessions/": {
                "referenceNumber": session,
                "invoiceReferenceNumber": accepted["referenceNumber"],
                "ksefNumber": accepted["ksefNumber"],
                "upoReferenceNumber": pages[0]["referenceNumber"] if pages else "",
            },
            "/permissions/operations/": {"referenceNumber": operation},
            "/permissions/common/": {"permissionId": permission},
            "/certificates/enrollments/": {"referenceNumber": applied.json()["referenceNumber"]},
            "/certificates/": {"certificateSerialNumber": serial},
            "/testdata/certificates/": {"serialNumber": serial},
            "/collective-identifiers/": {
                "collectiveIdentifierNumber": collected["collectiveIdentifierNumber"],
                "ksefNumber": sold[0]["ksefNumber"],
            },
            "/invoices/exports/": {"referenceNumber": exported.json()["referenceNumber"]},
            "/invoices/ksef/": {"ksefNumber": accepted["ksefNumber"]},
        },
        encryption=peer.encryption(b"k" * 32, b"i" * 16),
    )


def labels() -> list[str]:
    """Each operation's method and path."""
    paths = json.loads(CONTRACT.read_text(encoding="utf-8"))["paths"]
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]


@pytest.fixture(scope="module")
def schema() -> BaseSchema:
    load_all_checks()
    return schemathesis.openapi.from_dict(official_document(), config=CONFIG)


@pytest.mark.parametrize("label", sorted({*labels()} - EMULATOR_STILL_TO_COME))
def test_no_answer_is_outside_the_contract(label: str, schema: BaseSchema, target: Target) -> None:
    """As ``schema.parametrize`` has it, which makes all cases in all processes before any test begins."""

    def ask(case: schemathesis.Case) -> None:
        if case.meta.generation.mode.is_positive:
            target.lead(case)
        token = target.tokens.get(case.path, target.access)
        case.call_and_validate(base_url=target.url, headers=bearer(token), checks=CHECKS)

    build_operation_test(
        config=schema.config,
        operation=schema.find_operation_by_label(label),
        test_func=ask,
        given_kwargs={},
        feedback=FeedbackSources(),
    )()
