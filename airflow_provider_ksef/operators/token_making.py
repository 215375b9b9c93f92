"""Getting a KSeF token into a sink, so that a kill leaves none that nobody holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from airflow_provider_ksef.client import tokens
from airflow_provider_ksef.client.tokens import KsefToken
from airflow_provider_ksef.exceptions import KsefApiError, KsefError
from airflow_provider_ksef.operators.pending_secrets import PendingSecret, is_strange, is_unknown, place_of
from airflow_provider_ksef.operators.secret_sinks import NewSecret, SecretSink
from airflow_provider_ksef.operators.secret_task import SecretTask
from airflow_provider_ksef.triggers.token import KsefTokenTrigger

log = logging.getLogger(__name__)

USABLE = ("Pending", "Active")


@dataclass(frozen=True)
class WantedToken:
    """
    A token to make.

    :param permissions: what it is for.
    :param description: it tells the token from others.
    """

    permissions: Sequence[str]
    description: str


class TokenMaker:
    """
    Makes tokens of one description for one task. What there was is kept as pending before KSeF is asked, the
    token as soon as KSeF has told it.

    :param task: the task.
    :param wanted: the token.
    """

    def __init__(self, task: SecretTask, wanted: WantedToken) -> None:
        self._task = task
        self._wanted = wanted
        names = ",".join(sorted(set(wanted.permissions)))
        self._facts = {
            **place_of(task.ksef.settings),
            "description": wanted.description,
            "permissions": names,
        }

    def obtain(self) -> tuple[str, str]:
        """
        Look what there is; go on with what is pending, or make a token; revoke what earlier tries have lost.

        :returns: ``already`` or ``generated``, and the token's reference number.
        :raises KsefError: where KSeF does not activate it.
        """
        pending = self._left_behind()
        there = self._there(self._facts)
        lost = [] if pending is None else self._lost(pending, there)
        current, status = self._current(there, lost), "already"
        if current is None:
            current, status = self._taken_up(pending) or self._generated(there, lost), "generated"
        self._revoke(each for each in lost if each != current)
        self._task.place.drop()
        return status, current

    def _left_behind(self) -> PendingSecret | None:
        """Give what an earlier try has left, where it is for this token; else leave no token of it behind."""
        pending = self._task.place.read()
        if pending is None or pending.wanted == self._facts:
            return pending
        if is_strange(pending, self._facts, "environment", "context"):
            log.warning(
                "What was pending in %r, %s, is no token or of another context and is dropped: revoke it.",
                self._task.sink,
                pending.reference_number or "not yet asked for",
            )
        else:
            self._revoke(self._lost(pending, self._there(pending.wanted)))
        self._task.place.drop()
        return None

    def _there(self, facts: dict[str, str]) -> dict[str, KsefToken]:
        description = facts["description"]
        found = self._task.ksef.run(tokens.query(statuses=USABLE, description=description))
        return {
            each.reference_number: each
            for each in found
            if each.description == description
            and ",".join(sorted(set(each.requested_permissions))) == facts["permissions"]
        }

    def _lost(self, pending: PendingSecret, there: Iterable[str]) -> list[str]:
        """Tell which tokens an earlier try has made that are not in force."""
        known = {*pending.before, pending.saved, held_reference(self._task.sink)}
        return [each for each in there if each not in known]

    def _current(self, there: dict[str, KsefToken], lost: Sequence[str]) -> str | None:
        """Give the token that the sink holds, as far as it can tell."""
        active = [name for name, each in there.items() if each.is_active and name not in lost]
        if self._task.sink.can_tell:
            active = [name for name in active if name == held_reference(self._task.sink)]
        return active[0] if active else None

    def _taken_up(self, pending: PendingSecret | None) -> str | None:
        """Save the token that is pending once it is active; None where there is none that will be."""
        if pending is None or not pending.token:
            return None
        reference = pending.reference_number
        told = self._settled(reference)
        if told == "Active":
            self._task.sink.save(NewSecret(token=pending.token))
            if not self._task.place.survives:
                self._task.place.keep(replace(pending, saved=reference))
            log.info("Token %s is active and saved.", reference)
            return reference
        if reference in self._task.progress.pending:
            self._task.place.drop()
            raise KsefError(
                f"Token {reference} became {told}.", "Nothing was saved; the next try makes another one."
            )
        log.warning("Token %s, which was pending, became %s: making another one.", reference, told)
        return None

    def _generated(self, there: Iterable[str], lost: Sequence[str]) -> str:
        before = tuple(each for each in there if each not in lost)
        pending = PendingSecret(self._facts, time.time(), before=before)
        self._task.place.keep(pending)
        made = self._task.ksef.run(tokens.generate(self._wanted.permissions, self._wanted.description))
        pending = replace(pending, token=made.token, reference_number=made.reference_number)
        self._task.place.keep(pending)
        self._task.progress.pending.append(made.reference_number)
        log.info("Token %s is made and waits for its activation.", made.reference_number)
        self._taken_up(pending)
        return made.reference_number

    def _settled(self, reference: str) -> str:
        """Wait until KSeF is neither activating nor revoking a token; give its status and KSeF's reasons."""
        try:
            token = self._task.ksef.run(tokens.get_status(reference))
            if not tokens.is_settled(token):
                if self._task.place.survives:
                    self._task.operator.leave_slot(KsefTokenTrigger, reference, self._task.progress)
                left = max(0.0, self._task.progress.deadline - time.time())
                token = self._task.ksef.run(tokens.wait_until_settled(reference, left))
        except KsefApiError as error:
            if not is_unknown(error):
                raise
            return "unknown to KSeF"
        return ": ".join([token.status, *filter(None, ["; ".join(token.status_details)])])

    def _revoke(self, references: Iterable[str]) -> None:
        for reference in references:
            log.warning("Token %s was made by an earlier try and not saved: revoking it.", reference)
            self._task.ksef.run(tokens.revoke(reference))


def held_reference(sink: SecretSink) -> str | None:
    """
    Give the reference number of the token that a sink holds; None where it holds none, or cannot tell.

    :param sink: the sink.
    """
    held = sink.read()
    return held.token.partition("|")[0] if held is not None and held.token else None
