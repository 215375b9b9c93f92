"""Every error that this package raises: one small tree, and each error says what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


class KsefError(Exception):
    """
    Root of the tree.

    :param message: what went wrong, in one sentence.
    :param remedy: what the reader can do about it, in one sentence.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class KsefInputError(KsefError, ValueError):
    """
    Bad input that was found before anything was sent.

    :param field: the name of the parameter or connection field.
    :param value: what was given, never a secret.
    :param problem: what is wrong with it.
    :param remedy: what to give instead.
    """

    def __init__(self, field: str, value: object, problem: str, remedy: str) -> None:
        super().__init__(f"{field}={value!r}: {problem}.", remedy)
        self.args = (field, value, problem, remedy)
        self.field = field
        self.value = value
        self.problem = problem


@dataclass(frozen=True)
class Fault:
    """
    What KSeF said when it refused a request, whatever form it said it in.

    :param method: HTTP method of the request.
    :param path: path of the request, without query.
    :param http_status: status of the answer.
    :param code: KSeF's exception code (``exceptionCode``), where the answer has one.
    :param description: KSeF's text, Polish on the wire.
    :param details: further sentences of KSeF.
    :param trace_id: what KSeF's support asks for.
    :param reason_code: why a 403 was given (``missing-permissions``, ``ip-not-allowed`` ...).
    :param retry_after: seconds that KSeF asks to wait, where it does.
    """

    method: str
    path: str
    http_status: int
    code: int | None = None
    description: str = ""
    details: tuple[str, ...] = ()
    trace_id: str = ""
    reason_code: str = ""
    retry_after: float | None = None

    def __str__(self) -> str:
        code = f", code {self.code}" if self.code is not None else ""
        reason = f", reason {self.reason_code}" if self.reason_code else ""
        said = " ".join(part for part in (self.description, *self.details) if part)
        trace = f" (trace {self.trace_id})" if self.trace_id else ""
        answer = f"KSeF answered {self.method} {self.path} with HTTP {self.http_status}"
        return f"{answer}{code}{reason}: {said}{trace}"


class KsefApiError(KsefError):
    """KSeF, or the gateway before it, answered with an error."""

    def __init__(self, fault: Fault, remedy: str = "") -> None:
        super().__init__(str(fault), remedy)
        self.args = (fault, remedy)
        self.fault = fault


class KsefRateLimitError(KsefApiError):
    """HTTP 429 with a wait that is too long to sit out; ``fault.retry_after`` says how long, in seconds."""


class KsefBudgetError(KsefError):
    """
    KSeF's rate limit leaves no call for a while, and nothing was sent.

    :param group: KSeF's group of endpoints.
    :param retry_after: seconds until the next call may be made.
    :param until: the same as a moment, in seconds since the epoch.
    :param reason: what uses the budget up.
    """

    def __init__(self, group: str, retry_after: float, until: float, reason: str) -> None:
        moment = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
        super().__init__(
            f"{group}: {reason}, so the next call may be made in {retry_after:.0f} s, at {moment}.",
            "Nothing was sent; wait until then, or let fewer tasks of this company call KSeF.",
        )
        self.args = (group, retry_after, until, reason)
        self.group = group
        self.retry_after = retry_after
        self.until = until


class KsefUnavailableError(KsefApiError):
    """HTTP 5xx or a page of the gateway: the request may or may not have been carried out."""


class KsefTransportError(KsefError):
    """
    No answer came.

    :param message: what was tried and how it ended.
    :param remedy: what to do next.
    :param sent: whether the request may have reached KSeF; then its outcome is unknown, not failed.
    """

    def __init__(self, message: str, remedy: str = "", sent: bool = True) -> None:
        super().__init__(message, remedy)
        self.args = (message, remedy, sent)
        self.sent = sent


class KsefStatusError(KsefError):
    """
    Something asynchronous ended badly in KSeF.

    :param what: what ended, with its reference number, such as ``Session 20260901-SB-...``.
    :param code: KSeF's status code.
    :param description: KSeF's text.
    :param details: KSeF's sub-causes.
    :param remedy: what to do next.
    """

    def __init__(
        self, what: str, code: int, description: str, details: tuple[str, ...] = (), remedy: str = ""
    ) -> None:
        causes = f" ({'; '.join(details)})" if details else ""
        super().__init__(f"{what} ended with status {code}: {description}{causes}.", remedy)
        self.args = (what, code, description, details, remedy)
        self.code = code
        self.description = description
        self.details = details


class KsefLoginError(KsefStatusError):
    """KSeF refused the login; the sub-cause is in ``details``."""


class KsefSessionError(KsefStatusError):
    """A session ended without an accepted invoice, or could not be processed at all."""


class KsefExportError(KsefStatusError):
    """An export ended without a package."""


class KsefOperationError(KsefStatusError):
    """KSeF did not give or take away a permission."""


class KsefTimeoutError(KsefError):
    """KSeF did not finish within the time that the caller allowed."""


class KsefIntegrityError(KsefError):
    """Bytes that came differ from what was announced: size, hash, encryption or archive."""


class KsefTableError(KsefError):
    """A table cannot be written or read as asked."""


class KsefLeaseError(KsefTableError):
    """Another writer holds the table, or took it over from us. Nothing of ours was published after that."""


class KsefWatermarkError(KsefTableError):
    """The watermark is not where this export begins: another writer was faster. Begin the window anew."""


class KsefFullInstantError(KsefTableError):
    """More invoices have one date than an export of KSeF holds, so that no try gets past it."""


class KsefTriggererError(KsefError):
    """The triggerer could not ask KSeF, though the worker can."""


class KsefWindowError(KsefError):
    """Some windows of a backfill or of a verification failed or are left; what the others did is kept."""


class KsefStaleTableError(KsefTableError):
    """A table's watermark lags further behind than was allowed."""
