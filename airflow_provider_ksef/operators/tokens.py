"""Making KSeF tokens, which go straight into a sink, and revoking them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow_provider_ksef._compat import Context, mask_secrets, task_state
from airflow_provider_ksef.client import KsefClient, tokens
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.input_checks import check_choices, check_description
from airflow_provider_ksef.client.permission_contexts import check_giver
from airflow_provider_ksef.client.tokens import TOKEN_CONTEXTS, TOKEN_PERMISSIONS, KsefToken
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.parameters import is_given
from airflow_provider_ksef.operators.secret_sinks import NewSecret, SecretSink, Sink, sink_of
from airflow_provider_ksef.triggers.polling import refuse_blind_trigger
from airflow_provider_ksef.triggers.token import KsefTokenTrigger

STATE_KEY = "token_generation"
_USABLE = ("Pending", "Active")
_REVOKED = "revoked"


class KsefGenerateTokenOperator(ManagingOperator):
    """
    Make a KSeF token and put it into a sink: no XCom, log, trigger or task state ever holds it.

    Where the sink holds an active token of this description with these permissions, that is what is wanted
    and none is made. A sink that cannot tell what it holds (a function) is taken to hold the active one that
    there is. A token that an earlier try made and could not save is lost, and revoked as soon as a new one is
    saved. The result is ``{"status", "token_reference_number"}``: ``generated`` or ``already``.

    The connection must log in by certificate; the token cannot have permissions that the login lacks. The
    secret is in the worker's memory only until it is saved, so the task waits in place for its activation,
    which takes seconds; ``deferrable`` is for waits for KSeF's rate limits.

    :param permissions: what the token is for, such as ``InvoiceRead``.
    :param description: 5 to 256 characters; it tells the token from others.
    :param sink: a :class:`~.secret_sinks.FileSink`, an :class:`~.connection_sink.AirflowConnectionSink`, or a
        function that takes a :class:`~.secret_sinks.NewSecret` and keeps it.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: see above.
    :param timeout: seconds to wait for the token to become active.
    """

    template_fields: Sequence[str] = ("permissions", "description", "ksef_conn_id", "context_identifier")

    def __init__(self, *, permissions: Sequence[str], description: str, sink: Sink, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if is_given(permissions):
            check_choices("permissions", permissions, TOKEN_PERMISSIONS)
        if is_given(description):
            check_description(description)
        self.permissions = permissions
        self.description = description
        self.sink = sink_of(sink)

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Look what is there; make, activate and save a token; revoke what an earlier try has lost."""
        check_choices("permissions", self.permissions, TOKEN_PERMISSIONS)
        check_description(self.description)
        check_giver(ksef.settings.context, TOKEN_CONTEXTS, "KSeF makes no tokens in other contexts")
        self.sink.check()
        state = task_state(context)
        there = self._there(ksef)
        lost = _lost(there, state.get(STATE_KEY), held_reference(self.sink))
        current = self._current(there, lost)
        if current is None:
            state.set(STATE_KEY, {"before": [each for each in there if each not in lost]})
            current = self._generate(ksef, progress)
            status = "generated"
            state.set(STATE_KEY, {"before": [*(each for each in there if each not in lost), current]})
        else:
            status = "already"
        for reference in lost:
            self.log.warning("Token %s was made by an earlier try and not saved: revoking it.", reference)
            ksef.run(tokens.revoke(reference))
        state.delete(STATE_KEY)
        return {"status": status, "token_reference_number": current}

    def _there(self, ksef: KsefClient) -> dict[str, KsefToken]:
        found = ksef.run(tokens.query(statuses=_USABLE, description=self.description))
        return {
            each.reference_number: each
            for each in found
            if each.description == self.description
            and set(each.requested_permissions) == set(self.permissions)
        }

    def _current(self, there: dict[str, KsefToken], lost: Sequence[str]) -> str | None:
        """Give the token that the sink holds, as far as it can tell."""
        active = [name for name, each in there.items() if each.is_active and name not in lost]
        if self.sink.can_tell:
            active = [name for name in active if name == held_reference(self.sink)]
        return active[0] if active else None

    def _generate(self, ksef: KsefClient, progress: ManagingProgress) -> str:
        made = ksef.run(tokens.generate(self.permissions, self.description))
        mask_secrets([made.token, made.token.rpartition("|")[2]])
        reference = made.reference_number
        self.log.info("Token %s is made and waits for its activation.", reference)
        told = ksef.run(tokens.wait_until_settled(reference, max(0.0, progress.deadline - time.time())))
        if not told.is_active:
            raise KsefError(
                f"Token {reference} became {told.status}: {'; '.join(told.status_details)}.",
                "Nothing was saved; the next try makes another one.",
            )
        self.sink.save(NewSecret(token=made.token))
        self.log.info("Token %s is active and saved.", reference)
        return reference


class KsefRevokeTokenOperator(ManagingOperator):
    """
    Revoke a KSeF token, and wait until nobody gets in by it.

    The result is ``{"status", "token_reference_number"}``: ``revoked``, or ``already`` where it was revoked
    or had failed before. Who is logged in by it stays in until the access token expires, minutes later.

    :param token_reference_number: of the token, such as ``20260901-EC-...``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
    :param timeout: seconds to wait for KSeF.
    """

    template_fields: Sequence[str] = ("token_reference_number", "ksef_conn_id", "context_identifier")

    def __init__(self, *, token_reference_number: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if is_given(token_reference_number):
            check_reference_number(token_reference_number, "token_reference_number")
        self.token_reference_number = token_reference_number

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Look at the token; revoke it, and wait."""
        del context
        reference = check_reference_number(self.token_reference_number, "token_reference_number")
        token = ksef.run(tokens.get_status(reference))
        if token.status in _USABLE:
            ksef.run(tokens.revoke(reference))
            progress.done.append(_REVOKED)
            token = ksef.run(tokens.get_status(reference))
        if not tokens.is_settled(token):
            self._wait(ksef, progress)
        status = _REVOKED if _REVOKED in progress.done else "already"
        return {"status": status, "token_reference_number": reference}

    def _wait(self, ksef: KsefClient, progress: ManagingProgress) -> None:
        left, reference = max(0.0, progress.deadline - time.time()), self.token_reference_number
        if self.deferrable and left:
            refuse_blind_trigger(progress.trigger_error)
            trigger = KsefTokenTrigger(
                reference,
                ksef_conn_id=self.ksef_conn_id,
                context_identifier=self.context_identifier,
                poll_interval=self.poll_interval,
                since=progress.deadline - self.timeout,
                deadline=progress.deadline,
                resume=progress.resume(),
            )
            self.defer(trigger=trigger, method_name="execute_complete")
        ksef.run(tokens.wait_until_settled(reference, left))


def held_reference(sink: SecretSink) -> str | None:
    """
    Give the reference number of the token that a sink holds; None where it holds none, or cannot tell.

    :param sink: the sink.
    """
    held = sink.read()
    return held.token.partition("|")[0] if held is not None and held.token else None


def _lost(there: dict[str, KsefToken], note: Any, held: str | None) -> list[str]:
    """Tell which tokens an earlier try has made after its note, and not saved."""
    if not isinstance(note, dict):
        return []
    before = note.get("before") or []
    return [reference for reference in there if reference not in before and reference != held]
