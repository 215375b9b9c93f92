"""Providers of Peppol services: registered by their first login, listed for everybody."""

from __future__ import annotations

from tests.emulator.entering import entered, outcome, submit
from tests.emulator.peer import Peer, error_code
from tests.emulator.signing import seal


def test_a_provider_is_registered_by_its_first_login(stranger: Peer) -> None:
    assert stranger.http.get("/peppol/query").json() == {"peppolProviders": [], "hasMore": False}
    provider = seal("PPL123456", "PPL123456")
    assert outcome(stranger, submit(stranger, provider, ("PeppolId", "PPL654321")))[0] == 415
    for _ in range(2):
        entered(stranger.emulator, provider, ("PeppolId", "PPL123456"))
    (listed,) = stranger.http.get("/peppol/query").json()["peppolProviders"]
    assert (listed["id"], listed["name"]) == ("PPL123456", "Alfa sp. z o.o.")


def test_providers_come_in_pages_the_latest_first(stranger: Peer) -> None:
    names = [f"PPL{number:06d}" for number in range(12)]
    for name in names:
        entered(stranger.emulator, seal(name, name), ("PeppolId", name))
    first = stranger.http.get("/peppol/query").json()
    assert [each["id"] for each in first["peppolProviders"]] == names[:1:-1]
    assert first["hasMore"] is True
    rest = stranger.http.get("/peppol/query", params={"pageOffset": 1}).json()
    assert [each["id"] for each in rest["peppolProviders"]] == names[1::-1]
    assert rest["hasMore"] is False
    assert error_code(stranger.http.get("/peppol/query", params={"pageSize": 101})) == 21405
