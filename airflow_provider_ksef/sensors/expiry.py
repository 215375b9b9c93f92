"""Waiting until a certificate or a token is about to end."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_ksef._compat import (
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client import KsefClient, ksef_certificates, tokens
from airflow_provider_ksef.client.input_checks import check_choice
from airflow_provider_ksef.client.ksef_certificates import CERTIFICATE_TYPES, CertificateInfo
from airflow_provider_ksef.client.tokens import KsefToken
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.parameters import check_span, is_given
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.sensors.deferring import next_look, poke_or_defer, poking_in_place
from airflow_provider_ksef.triggers.events import Resume, read_event
from airflow_provider_ksef.triggers.moment import KsefMomentTrigger

POKE_SECONDS = 6 * 3600.0
TOKEN_LIFE = timedelta(days=365)


class ExpirySensor(BaseSensorOperator):
    """
    The ground of the sensors that wait until something ends soon; not used by itself.

    :param within: how soon.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: let the triggerer wake it for each look, whatever ``mode`` says.
    """

    template_fields: Sequence[str] = ("ksef_conn_id", "context_identifier")
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        within: timedelta = timedelta(days=30),
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        mode: str = "reschedule",
        poke_interval: float | timedelta = POKE_SECONDS,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            mode=mode, poke_interval=poke_interval, retries=retries, retry_policy=retry_policy, **kwargs
        )
        check_span("within", within)
        self.within = within
        self.deferrable = deferrable
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier

    @abstractmethod
    def expiring(self, ksef: KsefClient, now: datetime) -> list[dict[str, Any]]:
        """
        Tell what ends soon, the first to end first.

        :param ksef: the client.
        :param now: with a time zone.
        """

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        del context
        with KsefHook(self.ksef_conn_id, self.context_identifier).get_conn() as ksef:
            expiring = self.expiring(ksef, datetime.now(UTC))
        self.log.info("Ending soon: %d.", len(expiring))
        return PokeReturnValue(is_done=bool(expiring), xcom_value={"expiring": expiring})

    def execute(self, context: Context) -> Any:
        """Look once; then defer until the next look, or go on as Airflow's sensors do."""
        if self.deferrable:
            return poke_or_defer(self, context)
        with poking_in_place(self, context):
            return super().execute(context)

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Look again."""
        return poke_or_defer(self, context, read_event(event, Resume, timeout=self.timeout, expected=""))

    @property
    def awaited(self) -> str:
        """What has not come yet."""
        return "Nothing was about to end"

    def trigger_until(self, deadline: float) -> KsefMomentTrigger:
        """Make the trigger that lets it look again."""
        return next_look(self.poke_interval, deadline)

    def on_kill(self) -> None:
        """End the login session, and the task."""
        end_killed_task()


class KsefCertificateExpirySensor(ExpirySensor):
    """
    Wait until an active certificate of the login ends soon.

    By default the worker slot is free between two looks (``mode="reschedule"``). The result is
    ``{"expiring": [{"certificate_serial_number", "name", "type", "valid_to", "days_left"}]}``, the first to
    end first.

    :param within: how soon.
    :param certificate_name: a part of the name; None for all.
    :param certificate_type: ``Authentication`` or ``Offline``; None for both.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: let the triggerer wake it for each look, whatever ``mode`` says.
    """

    template_fields: Sequence[str] = ("certificate_name", *ExpirySensor.template_fields)

    def __init__(
        self, *, certificate_name: str | None = None, certificate_type: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if certificate_type is not None:
            check_choice("certificate_type", certificate_type, CERTIFICATE_TYPES)
        self.certificate_name = certificate_name
        self.certificate_type = certificate_type

    def expiring(self, ksef: KsefClient, now: datetime) -> list[dict[str, Any]]:
        """Read the active certificates."""
        name, kind = self.certificate_name, self.certificate_type
        found = ksef.run(ksef_certificates.query(name=name, type=kind, status="Active"))
        return expiring_certificates(found, now, self.within)


class KsefTokenExpirySensor(ExpirySensor):
    """
    Wait until an active KSeF token is about to be too old.

    KSeF's tokens live until they are revoked, so their end is the one that you set: ``max_age`` after they
    were made. By default the worker slot is free between two looks (``mode="reschedule"``). The result is
    ``{"expiring": [{"token_reference_number", "description", "expires", "days_left", "last_use_date"}]}``,
    the oldest first.

    :param max_age: how old a token may become.
    :param within: how long before that.
    :param description: a part of the description, 3 characters at least; None for all.
    :param ksef_conn_id: the Airflow connection; with ``CredentialsRead`` it sees all tokens of the context.
    :param context_identifier: overrides the connection's login.
    :param deferrable: let the triggerer wake it for each look, whatever ``mode`` says.
    """

    template_fields: Sequence[str] = ("description", *ExpirySensor.template_fields)

    def __init__(
        self, *, max_age: timedelta = TOKEN_LIFE, description: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_span("max_age", max_age)
        if description is not None and is_given(description):
            tokens.check_searched("description", description)
        self.max_age = max_age
        self.description = description

    def expiring(self, ksef: KsefClient, now: datetime) -> list[dict[str, Any]]:
        """Read the active tokens."""
        found = ksef.run(tokens.query(statuses=["Active"], description=self.description))
        return expiring_tokens(found, now, self.max_age, self.within)


def expiring_certificates(
    certificates: Iterable[CertificateInfo], now: datetime, within: timedelta
) -> list[dict[str, Any]]:
    """
    Tell which certificates end soon, the first to end first.

    :param certificates: active ones.
    :param now: with a time zone.
    :param within: how soon.
    """
    return [
        {
            "certificate_serial_number": each.certificate_serial_number,
            "name": each.name,
            "type": each.type,
            "valid_to": each.valid_to.isoformat(),
            "days_left": (each.valid_to - now).days,
        }
        for each in sorted(certificates, key=lambda each: each.valid_to)
        if each.valid_to <= now + within
    ]


def expiring_tokens(
    found: Iterable[KsefToken], now: datetime, max_age: timedelta, within: timedelta
) -> list[dict[str, Any]]:
    """
    Tell which tokens will soon be too old, the oldest first.

    :param found: active ones.
    :param now: with a time zone.
    :param max_age: how old a token may become.
    :param within: how long before that.
    """
    return [
        {
            "token_reference_number": each.reference_number,
            "description": each.description,
            "expires": (each.date_created + max_age).isoformat(),
            "days_left": (each.date_created + max_age - now).days,
            "last_use_date": None if each.last_use_date is None else each.last_use_date.isoformat(),
        }
        for each in sorted(found, key=lambda each: each.date_created)
        if each.date_created + max_age <= now + within
    ]
