"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from airflow_provider_ksef.emulator.moments import parse_moment
from airflow_provider_ksef.emulator.settings import (
    DEFAULT_NIP,
    DEFAULT_PORT,
    MOST_EXPORTED,
    Settings,
    default_token,
)

_PROGRAM = "python -m airflow_provider_ksef.emulator"
_DEFAULT = "(default: %(default)s)"


def read_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line; what is wrong with it ends the process with a sentence and code 2."""
    parser = _make_parser()
    given = parser.parse_args(arguments)
    if given.nip and given.token and len(given.nip) != len(given.token):
        parser.error(
            f"--nip is given {len(given.nip)} times and --token {len(given.token)} times: give them in pairs"
        )
    nips = given.nip or [DEFAULT_NIP] * len(given.token or [None])
    tokens = given.token or [default_token(nip) for nip in nips]
    if given.state is not None and not given.state.parent.is_dir():
        parser.error(f"--state {given.state}: there is no folder {given.state.parent}")
    return Settings(
        host=given.host,
        port=given.port,
        public_url=given.public_url,
        state=given.state,
        tokens=tuple(zip(nips, tokens, strict=True)),
        seed_invoices=given.seed_invoices,
        seed_from=given.seed_from,
        seed_to=given.seed_to,
        has_production_rate_limits=given.rate_limits == "production",
        delay=given.delay,
        hwm_lag=given.hwm_lag,
        export_cap=given.export_cap,
        xsd_dir=given.xsd_dir,
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="A KSeF on your own machine. The API is under /v2, its documentation under /docs/v2, "
        "the emulator's own controls under /_emulator.",
        epilog=f"Without --nip and --token: NIP {DEFAULT_NIP}, token {default_token(DEFAULT_NIP)}",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    add("--port", type=_port, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    add(
        "--public-url",
        type=_origin,
        help="origin of the links handed out (default: as each request)",
    )
    add("--state", type=Path, metavar="FILE", help="SQLite file that outlives the process")
    add("--token", action="append", help="KSeF token that may log in, any text; in pairs with --nip")
    add("--nip", action="append", type=_nip, help="context of the token at the same place")
    add(
        "--seed-invoices",
        type=_count,
        default=0,
        metavar="N",
        help="invoices that each NIP has received at the start",
    )
    add("--seed-from", type=_moment, metavar="DATE", help="when the first of them was stored (default: now)")
    add("--seed-to", type=_moment, metavar="DATE", help="when the last of them was stored (default: now)")
    add("--rate-limits", choices=("production", "off"), default="off", help=_DEFAULT)
    add(
        "--delay",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="least time of all work",
    )
    add(
        "--hwm-lag", type=_seconds, default=Settings.hwm_lag, metavar="SECONDS", help="(default: %(default)s)"
    )
    add(
        "--export-cap",
        type=_cap,
        default=Settings.export_cap,
        metavar="N",
        help="(default: %(default)s)",
    )
    add("--xsd-dir", type=Path, metavar="DIR", help="the Ministry's schemas, to validate invoices by")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _origin(text: str) -> str:
    origin = text.rstrip("/")
    if not origin.startswith(("http://", "https://")) or "/" in origin.partition("://")[2]:
        raise argparse.ArgumentTypeError(f"'{text}' is no origin like https://ksef.example:8089")
    return origin


def _nip(text: str) -> str:
    if len(text) != 10 or not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is no NIP: it has ten digits")
    return text


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return count


def _cap(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_EXPORTED:
        raise argparse.ArgumentTypeError(f"must be between 1 and {MOST_EXPORTED}")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be a number of seconds, not negative")
    return seconds


def _moment(text: str) -> str:
    try:
        parse_moment(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"'{text}' is neither an ISO 8601 date nor a date-time") from None
    return text
