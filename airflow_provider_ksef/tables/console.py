"""The command that shows tables and keeps them in order."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from upath import UPath

from airflow_provider_ksef.exceptions import KsefError, KsefInputError
from airflow_provider_ksef.tables import console_text
from airflow_provider_ksef.tables.checking import check_tables
from airflow_provider_ksef.tables.console_options import parse
from airflow_provider_ksef.tables.console_snapshots import (
    as_json,
    delete_found,
    found_snapshots,
    of_snapshots,
)
from airflow_provider_ksef.tables.intervals import past_moment
from airflow_provider_ksef.tables.layout import TableKey, check_readable
from airflow_provider_ksef.tables.overview import overview
from airflow_provider_ksef.tables.parts import table_parts
from airflow_provider_ksef.tables.repositioning import free_lease, set_watermark
from airflow_provider_ksef.tables.retention import check_counterparty, new_rule
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.table_format import TableFormat, format_of, open_tables


@dataclass(frozen=True)
class _Outcome:
    """
    What a command found or did.

    :param answer: plain JSON.
    :param text: the same for people.
    :param code: the exit code.
    """

    answer: Any
    text: str
    code: int = 0


def main(arguments: list[str] | None = None) -> int:
    """
    Run one command.

    :returns: the exit code: 0 well, 1 something is wrong with the tables, 2 it could not be done.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    options = parse(arguments)
    try:
        outcome = _run(options)
    except KsefError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = msgspec.json.format(msgspec.json.encode(outcome.answer)).decode() if options.json else outcome.text
    sys.stdout.write(f"{text}\n")
    return outcome.code


def _run(options: Namespace) -> _Outcome:
    root = _opened(options.tables_path, dict(map(_named, options.storage_option)))
    if options.command == "snapshots":
        return _snapshots(options, root)
    keys = table_parts(open_store(root), contexts=options.context, subject_types=options.subject_type)
    if not keys:
        remedy = "Check the path, --context and --subject-type; an audit's tables are listed by 'snapshots'."
        raise KsefInputError("tables_path", str(root), "holds no such tables", remedy)
    commands: dict[str, Callable[[Namespace, UPath, list[TableKey]], _Outcome]] = {
        "show": _show,
        "verify": _verify,
        "compact": _compact,
        "retention": _retention,
        "watermark": _watermark,
        "lease": _lease,
    }
    return commands[options.command](options, root, keys)


def _show(options: Namespace, root: UPath, keys: list[TableKey]) -> _Outcome:
    del options
    found = overview(root, keys)
    return _Outcome(found, console_text.of_overview(found))


def _verify(options: Namespace, root: UPath, keys: list[TableKey]) -> _Outcome:
    del options
    found = [finding for key in keys for finding in check_tables(root, key)]
    wrong = any(finding.is_wrong for finding in found)
    return _Outcome(msgspec.to_builtins(found), console_text.of_findings(found), int(wrong))


def _compact(options: Namespace, root: UPath, keys: list[TableKey]) -> _Outcome:
    if options.keep_open_months < 0:
        raise KsefInputError("keep_open_months", options.keep_open_months, "is too small", "Give 0 or more.")
    done = {
        _name(key): _tables(root).compact(
            key, owner=_owner(), keep_open_months=options.keep_open_months, dry_run=options.dry_run
        )
        for key in keys
    }
    return _Outcome(msgspec.to_builtins(done), console_text.of_compaction(done, options.dry_run))


def _retention(options: Namespace, root: UPath, keys: list[TableKey]) -> _Outcome:
    tables, now = _tables(root), datetime.now(UTC)
    check_counterparty(options.nip, [key.context for key in keys])
    rules = {}
    for key in keys:
        watermark = tables.watermark(key)
        position = watermark.position if watermark else None
        rules[key] = new_rule(options.before, options.nip, position=position, now=now)

    def deleted(*, dry_run: bool) -> dict[str, Mapping[str, int]]:
        return {
            _name(key): tables.delete_rows(key, rule, owner=_owner(), dry_run=dry_run)
            for key, rule in rules.items()
        }

    if not options.dry_run and not options.yes:
        _ask(options, console_text.of_question(deleted(dry_run=True)))
    done = deleted(dry_run=options.dry_run)
    return _Outcome(done, console_text.of_deletion(done, options.dry_run))


def _watermark(options: Namespace, root: UPath, keys: list[TableKey]) -> _Outcome:
    key, position = _only(keys), None
    if options.action == "set":
        position = past_moment("position", options.position, datetime.now(UTC))
    old = _tables(root).watermark(key)
    was = old.position if old else "not set"
    _ask(options, f"{_name(key)}: the watermark is {was}. Let it be {position or 'none'}")
    moved = set_watermark(root, key, position, owner=_owner())
    return _Outcome(msgspec.to_builtins(moved), f"{_name(key)}: the watermark is {position or 'none'} now.")


def _lease(options: Namespace, root: UPath, keys: list[TableKey]) -> _Outcome:
    key = _only(keys)
    _ask(options, f"{_name(key)}: let the next writer in, whoever is at work")
    holder = free_lease(root, key)
    told = f"broke the lease of {holder.owner}" if holder else "nobody holds the lease"
    return _Outcome({"owner": holder.owner if holder else None}, f"{_name(key)}: {told}.")


def _snapshots(options: Namespace, root: UPath) -> _Outcome:
    found = found_snapshots(options, root)
    text = of_snapshots(found)
    if options.before is not None and not options.dry_run:
        _ask(options, f"{text}\nDelete these snapshots for good")
        delete_found(root, found)
        text = f"Deleted:\n{text}"
    return _Outcome(as_json(found), text)


def _ask(options: Namespace, question: str) -> None:
    """
    Ask before something is changed.

    :raises KsefError: where the answer is not yes.
    """
    if options.yes:
        return
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise KsefError("Nothing was changed.", "Answer y, or give --yes.")


def _only(keys: list[TableKey]) -> TableKey:
    if len(keys) != 1:
        raise KsefInputError(
            "context", [_name(key) for key in keys], "is more than one", "Give --context and --subject-type."
        )
    return keys[0]


def _tables(root: UPath) -> TableFormat:
    return open_tables(root, format_of(root))


def _name(key: TableKey) -> str:
    return f"{key.context} {key.subject_type}"


def _owner() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container whose user has no name
        user = str(os.getuid())
    return f"console/{user}/{socket.gethostname()}/{os.getpid()}"


def _opened(tables_path: str, storage_options: dict[str, str]) -> UPath:
    """
    Open the folder; whatever the file system's library finds wrong is told in one line.

    :raises KsefInputError: where it cannot be opened, or holds something else.
    """
    try:
        root = UPath(tables_path, **storage_options)
        check_readable(root)
    except KsefError:
        raise
    except Exception as error:
        raise KsefInputError(
            "tables_path",
            tables_path,
            f"cannot be opened ({type(error).__name__}: {error})",
            "Check the URL, --storage-option, and the credentials in the environment.",
        ) from error
    return root


def _named(option: str) -> tuple[str, str]:
    name, is_given, value = option.partition("=")
    if not is_given:
        raise KsefInputError("storage_option", name, "has no value", "Give NAME=VALUE.")
    return name, value
