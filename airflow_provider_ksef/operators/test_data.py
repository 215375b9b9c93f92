"""Making test data in KSeF's TEST environment and in emulators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.test_data_steps import read_steps
from airflow_provider_ksef.client.test_environment import known_test_environment
from airflow_provider_ksef.exceptions import KsefApiError
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.permissions import is_plain

_EXISTS = 30001


class KsefTestDataOperator(ManagingOperator):
    """
    Make test data in TEST or an emulator: taxpayers, permissions, consents, blocks, certificates that expire.

    Production and DEMO are refused before anything is sent, at whatever address they are, and so is every
    mistake in any of the steps. An address of one's own has to answer as an emulator, unless the connection
    says by ``environment`` that it leads to TEST. A taxpayer that exists already is success. The result is
    ``{"done", "already"}``: the steps as texts.

    :param steps: what to do, in this order: dictionaries with ``action``, the name of a function of
        :mod:`airflow_provider_ksef.client.test_data` such as ``create_subject``, and its parameters.
        Identifiers are dictionaries with ``type`` and ``value``, moments are ISO 8601 with a time zone.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: leave the worker slot free where KSeF's rate limits allow no call for long.
    """

    template_fields: Sequence[str] = ("steps", "ksef_conn_id", "context_identifier")

    def __init__(self, *, steps: Sequence[Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if is_plain(steps):
            read_steps("steps", steps)
        self.steps = steps

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Check all steps, then take one after the other."""
        del context
        environment = ksef.run(known_test_environment(ksef.settings.environment))
        steps = read_steps("steps", self.steps)
        calls = [(number, step, step.call(environment)) for number, step in enumerate(steps)]
        for number, step, call in calls[len(progress.done) :]:
            outcome = "done"
            try:
                ksef.run(call)
            except KsefApiError as error:
                if error.fault.code != _EXISTS:
                    raise
                outcome = "already"
            self.log.info("Step %d, %s: %s.", number, step, outcome)
            progress.done.append(f"{outcome} {step}")
        told = [each.partition(" ") for each in progress.done]
        return {
            outcome: [step for each, _, step in told if each == outcome] for outcome in ("done", "already")
        }
