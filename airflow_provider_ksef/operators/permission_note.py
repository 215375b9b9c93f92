"""What a task notes of the permissions that it asks KSeF to change: its next try asks for none twice."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from airflow_provider_ksef._compat import TaskState
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefBudgetError,
    KsefError,
    KsefLoginError,
    KsefTransportError,
    KsefUnavailableError,
)

OPERATIONS_KEY, REQUEST_KEY = "permission_operations", "permission_request"
SETTLING_SECONDS = 90.0
"""How long after a request without an answer KSeF may need until it shows what was asked for."""


class PermissionNote:
    """
    The note of one task: the operations that it waits for, and the one request whose answer it has not seen.

    :param state: the task's.
    """

    def __init__(self, state: TaskState) -> None:
        self._state = state

    def operations(self) -> list[str]:
        """Give the references of what an earlier try has asked for and did not see the end of."""
        return list(self._state.get(OPERATIONS_KEY) or ())

    def unanswered(self) -> tuple[frozenset[str], float]:
        """Give the changes whose request was begun, and until when KSeF may need to show them."""
        request = self._state.get(REQUEST_KEY) or {"changes": (), "since": 0.0}
        return frozenset(request["changes"]), request["since"] + SETTLING_SECONDS

    def begin(self, changes: Collection[str]) -> None:
        """Note a request before it is sent."""
        self._state.set(REQUEST_KEY, {"changes": list(changes), "since": time.time()})

    def answer(self, operations: Sequence[str]) -> None:
        """Note all that is to be waited for, once KSeF has told the operation's reference."""
        self._state.set(OPERATIONS_KEY, list(operations))
        self.end_request()

    def fail(self, error: KsefError) -> None:
        """Forget a request that has certainly had no effect; all others stay noted."""
        if not _may_have_arrived(error):
            self.end_request()

    def end_request(self) -> None:
        """Forget the request: what became of it is known, or nobody will learn it."""
        self._state.delete(REQUEST_KEY)

    def settle(self) -> None:
        """Forget the operations, which have come to their end."""
        self._state.delete(OPERATIONS_KEY)


def _may_have_arrived(error: KsefError) -> bool:
    match error:
        case KsefTransportError():
            return error.sent
        case KsefUnavailableError():
            return True
        case KsefApiError() | KsefBudgetError() | KsefLoginError():
            return False
    return True
