"""What the command line decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_ksef.emulator.date_ranges import LongestRange

DEFAULT_NIP = "5250001210"
DEFAULT_PORT = 8089
MOST_EXPORTED = 10_000


def default_token(nip: str) -> str:
    """The token of a NIP for which none is given."""
    return f"20260901-EC-1A2B3CC000-0F1E2D3C53-D1|nip-{nip}|{'0123456789abcdef' * 4}"


@dataclass(frozen=True)
class Settings:
    """
    How one emulator behaves.

    :param port: 0 takes a free one.
    :param public_url: origin of the links that are handed out; without it that of each request.
    :param state: SQLite file that outlives the process, with a folder of the same name beside it.
    :param tokens: pairs of NIP and KSeF token that may log in.
    :param seed_invoices: how many invoices each NIP has received at the start.
    :param delay: seconds that a login, a session's processing and an export take at least.
    :param hwm_lag: seconds by which the high-water mark stays behind the clock.
    :param export_cap: most invoices of one export.
    :param longest_range: how long the range of dates of a query may be.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    public_url: str | None = None
    state: Path | None = None
    tokens: tuple[tuple[str, str], ...] = field(
        default=((DEFAULT_NIP, default_token(DEFAULT_NIP)),), repr=False
    )
    seed_invoices: int = 0
    seed_from: str | None = None
    seed_to: str | None = None
    has_production_rate_limits: bool = False
    delay: float = 0.0
    hwm_lag: float = 2.0
    export_cap: int = MOST_EXPORTED
    longest_range: LongestRange = LongestRange.DAYS
    xsd_dir: Path | None = None
