"""Who is let into which context, and what is told of it, as the scenarios of permissions need it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow_provider_ksef.emulator.moments import WARSAW
from tests.emulator.entering import PESEL, entered, outcome, permissions, submit
from tests.emulator.granting import looked_up
from tests.emulator.peer import Peer, by_storage
from tests.emulator.signing import Signer, person, seal
from tests.emulator_process import NIP

NOBODY = (415, ["Brak przypisanych uprawnień"])
EMPLOYEE = person(f"PNOPL-{PESEL}")
HELD = {"queryType": "PermissionsInCurrentContext"}
GIVEN = {"queryType": "PermissionsGrantedInCurrentContext"}


def of(peer: Peer, nip: str, signer: Signer | None = None) -> Peer:
    """Somebody in a company's context: its owner where nobody is named."""
    return entered(peer.emulator, signer or seal(f"VATPL-{nip}"), ("Nip", nip))


def may(peer: Peer, signer: Signer, context: tuple[str, str] = ("Nip", NIP)) -> list[str] | None:
    """What somebody may do in a context; nothing where nobody lets them in."""
    visitor = Peer(peer.emulator)
    submitted = submit(visitor, signer, context)
    return None if outcome(visitor, submitted) == NOBODY else permissions(visitor, submitted)


def only_id(peer: Peer, path: str, **query: Any) -> str:
    (found,) = looked_up(peer, path, **query)
    identity: str = found["id"]
    return identity


def roles_of(peer: Peer) -> list[dict[str, Any]]:
    answer = peer.http.get("/permissions/query/entities/roles")
    found: list[dict[str, Any]] = answer.json()["roles"]
    return found


def authorizations(peer: Peer, kind: str, **query: Any) -> list[dict[str, Any]]:
    return looked_up(peer, "authorizations/grants", "authorizationGrants", queryType=kind, **query)


def today(subject: str = "Subject2") -> dict[str, Any]:
    """Filters for what was stored today."""
    return by_storage(subject, start=(datetime.now(WARSAW) - timedelta(days=1)).isoformat())


def code_of(invoice: dict[str, dict[str, int]]) -> int:
    return invoice["status"]["code"]
