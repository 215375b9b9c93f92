"""From where the tokens of a login may be used."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Annotated

from pydantic import Field

from airflow_provider_ksef.emulator.wire import WireModel

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])"
ADDRESS = rf"({_OCTET}\.){{3}}{_OCTET}"
RANGE = rf"{ADDRESS}-{ADDRESS}"
MASK = rf"{ADDRESS}/(0|[1-9]|[12][0-9]|3[0-2])"
MOST_ENTRIES = 10


class AllowedIps(WireModel):
    """Addresses, ranges and networks."""

    ip4_addresses: list[Annotated[str, Field(pattern=f"^{ADDRESS}$")]] | None = Field(
        default=None, max_length=MOST_ENTRIES
    )
    ip4_ranges: list[Annotated[str, Field(pattern=f"^{RANGE}$")]] | None = Field(
        default=None, max_length=MOST_ENTRIES
    )
    ip4_masks: list[Annotated[str, Field(pattern=f"^{MASK}$")]] | None = Field(
        default=None, max_length=MOST_ENTRIES
    )

    def admit(self, address: str) -> bool:
        """Whether a request may come from that address."""
        caller = _ipv4(address)
        if caller is None:
            return False
        return (
            any(caller == IPv4Address(each) for each in self.ip4_addresses or ())
            or any(_is_within(caller, each) for each in self.ip4_ranges or ())
            or any(caller in IPv4Network(each, strict=False) for each in self.ip4_masks or ())
        )


class AuthorizationPolicy(WireModel):
    """How the tokens of a login may be used."""

    allowed_ips: AllowedIps | None = None

    def to_claim(self) -> str | None:
        """The text that tokens carry; none where the policy restricts nothing."""
        restricted = self.allowed_ips.model_dump(by_alias=True, exclude_none=True) if self.allowed_ips else {}
        entries = {name: values for name, values in restricted.items() if values}
        return json.dumps({"allowedIps": entries}) if entries else None


def admits(claim: str | None, address: str) -> bool:
    """Whether the policy of a token lets a request from that address in."""
    if claim is None:
        return True
    allowed = AuthorizationPolicy.model_validate_json(claim).allowed_ips
    return allowed is None or allowed.admit(address)


def _is_within(caller: IPv4Address, written: str) -> bool:
    first, _, last = written.partition("-")
    return IPv4Address(first) <= caller <= IPv4Address(last)


def _ipv4(address: str) -> IPv4Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return found if isinstance(found, IPv4Address) else found.ipv4_mapped
