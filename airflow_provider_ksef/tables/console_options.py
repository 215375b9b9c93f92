"""The command line's options."""

from __future__ import annotations

import argparse

_KEEP = "closed months, the newest, to leave alone"
_CONTEXT = "only this one, such as nip-5250001210; may be repeated"
_JSON = "answer with JSON"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; argparse ends the program where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_ksef.tables",
        description="Look at the tables that the KSeF sync keeps, and keep them in order.",
    )
    parser.add_argument(
        "--tables-path",
        required=True,
        help="folder of the tables, a local path or a URL such as s3://bucket/ksef",
    )
    parser.add_argument(
        "--storage-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for the file system of a URL, such as endpoint_url=...; secrets belong into the environment",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _reading(commands)
    _keeping(commands)
    _auditing(commands)
    _mending(commands)
    return parser.parse_args(arguments)


def _reading(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _command(commands, "show", "tables, watermarks, leases and complete months")
    _command(
        commands, "verify", "check files and tables without asking KSeF; exit code 1 where something is wrong"
    )


def _keeping(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    compact = _command(commands, "compact", "merge the files of closed months")
    compact.add_argument("--keep-open-months", type=int, default=0, metavar="N", help=_KEEP)
    compact.add_argument("--dry-run", action="store_true", help="only say what would be merged")
    retention = _command(commands, "retention", "delete rows for good, from all tables")
    retention.add_argument(
        "--before", metavar="DATE", help="rows stored before this day's midnight in Poland"
    )
    retention.add_argument("--nip", help="only rows that this company sold or bought")
    retention.add_argument("--dry-run", action="store_true", help="only count")
    _asks_first(retention)


def _auditing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    snapshots = commands.add_parser(
        "snapshots", help="snapshots for auditors; with --before, delete old ones"
    )
    snapshots.add_argument("--context", action="append", help=_CONTEXT)
    snapshots.add_argument("--before", metavar="DATE", help="delete those of days before this one for good")
    snapshots.add_argument("--dry-run", action="store_true", help="only say which")
    snapshots.add_argument("--json", action="store_true", help=_JSON)
    _asks_first(snapshots)


def _mending(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = commands.add_parser("watermark", help="set or reset a watermark").add_subparsers(
        dest="action", required=True
    )
    moved = _command(actions, "set", "let the next sync begin elsewhere")
    moved.add_argument("position", help="a date (its midnight in Poland) or a date-time with offset")
    _asks_first(moved)
    _asks_first(_command(actions, "reset", "let the next sync begin at its sync_from"))
    lease = commands.add_parser("lease", help="break a lease").add_subparsers(dest="action", required=True)
    _asks_first(_command(lease, "break", "let the next writer in at once"))


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, told: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=told, description=told)
    parser.add_argument("--context", action="append", help=_CONTEXT)
    parser.add_argument(
        "--subject-type", action="append", help="only this one, such as Subject2; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help=_JSON)
    return parser


def _asks_first(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
