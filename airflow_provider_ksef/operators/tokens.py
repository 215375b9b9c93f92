"""Making KSeF tokens, which go straight into a sink, and revoking them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow_provider_ksef._compat import Context, task_state
from airflow_provider_ksef.client import KsefClient, tokens
from airflow_provider_ksef.client.credentials import CertificateCredential
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.input_checks import check_choices, check_description
from airflow_provider_ksef.client.permission_contexts import check_giver
from airflow_provider_ksef.client.tokens import TOKEN_CONTEXTS, TOKEN_PERMISSIONS
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.certificate_login import check_certificate_login
from airflow_provider_ksef.operators.held_certificates import held_certificate
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.parameters import is_given
from airflow_provider_ksef.operators.pending_places import pending_place
from airflow_provider_ksef.operators.secret_sinks import Sink, sink_of
from airflow_provider_ksef.operators.secret_task import SecretTask
from airflow_provider_ksef.operators.token_making import USABLE, TokenMaker, WantedToken
from airflow_provider_ksef.triggers.token import KsefTokenTrigger

STATE_KEY = "token_generation"
_REVOKED = "revoked"


class KsefGenerateTokenOperator(ManagingOperator):
    """
    Make a KSeF token and put it into a sink: no XCom, log, trigger or task state ever holds it.

    Where the sink holds an active token of this description with these permissions, that is what is wanted
    and none is made. A sink that cannot tell what it holds (a function) is taken to hold the active one that
    there is. The sink keeps the token as pending until it is active; whoever goes on after a kill takes it
    from there. A token that was killed before it could be kept is lost, and revoked as soon as there is a new
    one. The result is ``{"status", "token_reference_number"}``: ``generated`` or ``already``.

    The connection must log in by certificate; the token cannot have permissions that the login lacks. A sink
    that keeps nothing pending (a function) is waited for in place.

    :param permissions: what the token is for, such as ``InvoiceRead``.
    :param description: 5 to 256 characters; it tells the token from others.
    :param sink: a :class:`~.secret_sinks.FileSink`, an :class:`~.connection_sink.AirflowConnectionSink`, or a
        function that takes a :class:`~.secret_sinks.NewSecret` and keeps it.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
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
        if is_given(self.ksef_conn_id) and getattr(self.sink, "conn_id", None) == self.ksef_conn_id:
            raise _own_sink(repr(self.sink), self.ksef_conn_id)

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Look what is there; go on, or make a token, and save it; revoke what an earlier try has lost."""
        check_choices("permissions", self.permissions, TOKEN_PERMISSIONS)
        check_description(self.description)
        check_giver(ksef.settings.context, TOKEN_CONTEXTS, "KSeF makes no tokens in other contexts")
        check_certificate_login(ksef.settings.credential, self.ksef_conn_id)
        self.sink.check()
        self._check_not_own(ksef)
        place = pending_place(self.sink, task_state(context), STATE_KEY)
        task = SecretTask(self, ksef, progress, self.sink, place)
        status, reference = TokenMaker(task, WantedToken(self.permissions, self.description)).obtain()
        return {"status": status, "token_reference_number": reference}

    def _check_not_own(self, ksef: KsefClient) -> None:
        """A token would take the place of the certificate by which the task logs in."""
        held, credential = held_certificate(self.sink), ksef.settings.credential
        is_own = isinstance(credential, CertificateCredential) and held == credential.certificate
        if is_own or getattr(self.sink, "conn_id", None) == self.ksef_conn_id:
            raise _own_sink(repr(self.sink), self.ksef_conn_id)


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
        if token.status in USABLE:
            ksef.run(tokens.revoke(reference))
            progress.done.append(_REVOKED)
            token = ksef.run(tokens.get_status(reference))
        if not tokens.is_settled(token):
            self._wait(ksef, progress)
        status = _REVOKED if _REVOKED in progress.done else "already"
        return {"status": status, "token_reference_number": reference}

    def _wait(self, ksef: KsefClient, progress: ManagingProgress) -> None:
        reference = self.token_reference_number
        self.leave_slot(KsefTokenTrigger, reference, progress)
        ksef.run(tokens.wait_until_settled(reference, max(0.0, progress.deadline - time.time())))


def _own_sink(sink: str, ksef_conn_id: str) -> KsefInputError:
    return KsefInputError(
        "sink",
        sink,
        f"holds what the task itself logs in by ({ksef_conn_id}), and a token cannot make tokens",
        "Give the token a sink of its own, such as another connection.",
    )
