"""KSeF's refusals and the bodies in which they are told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from airflow_provider_ksef.emulator.moments import format_error_moment

DESCRIPTIONS = {
    9101: "Nieprawidłowy dokument.",
    9102: "Brak podpisu.",
    9103: "Przekroczona liczba dozwolonych podpisów.",
    9105: "Nieprawidłowy podpis.",
    21001: "Nieczytelna treść.",
    21111: "Nieprawidłowe wyzwanie autoryzacyjne.",
    21115: "Nieprawidłowy certyfikat.",
    21117: "Nieprawidłowy identyfikator podmiotu dla wskazanego typu kontekstu.",
    21155: "Przekroczono dozwoloną liczbę faktur w sesji.",
    21157: "Nieprawidłowy rozmiar części pakietu.",
    21161: "Przekroczono dozwoloną liczbę części pakietów.",
    21164: "Faktura o podanym identyfikatorze nie istnieje.",
    21165: "Faktura o podanym numerze KSeF nie jest jeszcze dostępna.",
    21166: "Korekta techniczna niedostępna.",
    21167: "Status faktury nie pozwala na korektę techniczną.",
    21173: "Brak sesji o wskazanym numerze referencyjnym.",
    21175: "Wynik zapytania o podanym identyfikatorze nie istnieje.",
    21178: "Nie znaleziono UPO dla podanych kryteriów.",
    21180: "Status sesji nie pozwala na wykonanie operacji.",
    21181: "Nieprawidłowe żądanie eksportu faktur.",
    21182: "Osiągnięto limit trwających eksportów.",
    21183: "Zakres filtrowania wykracza poza dostępny zakres danych.",
    21184: "Sesja jest tymczasowo niedostępna.",
    21205: "Pakiet nie może być pusty.",
    21208: "Czas oczekiwania na requesty upload lub finish został przekroczony.",
    21217: "Nieprawidłowe kodowanie znaków.",
    21301: "Brak autoryzacji.",
    21304: "Brak uwierzytelnienia.",
    21308: "Próba wykorzystania metod autoryzacyjnych osoby zmarłej.",
    21401: "Dokument nie jest zgodny ze schemą (xsd).",
    21402: "Nieprawidłowy rozmiar pliku.",
    21403: "Nieprawidłowy skrót pliku.",
    21405: "Błąd walidacji danych wejściowych.",
    21406: "Konflikt podpisu i typu uwierzytelnienia.",
    21418: "Przekazany token kontynuacji ma nieprawidłowy format.",
    21470: "Przesłany identyfikator klucza jest nieznany lub wskazuje na wycofany klucz.",
    25001: "Brak możliwości pobrania danych do CSR dla wykorzystanego sposobu uwierzytelnienia.",
    25002: "Brak możliwości złożenia wniosku certyfikacyjnego dla wykorzystanego sposobu uwierzytelnienia.",
    25003: "Dane w CSR nie zgadzają się z danymi w użytym wektorze uwierzytelniającym.",
    25004: "Niepoprawny format CSR lub niepoprawny podpis CSR.",
    25005: "Wniosek certyfikacyjny o podanym numerze referencyjnym nie istnieje.",
    25006: "Osiągnięto limit możliwych do złożenia wniosków certyfikacyjnych.",
    25007: "Osiągnięto limit dopuszczalnej liczby posiadanych certyfikatów.",
    25008: "Certyfikat o podanym numerze seryjnym nie istnieje.",
    25009: "Nie można odwołać wskazanego certyfikatu, ponieważ jest już odwołany, zablokowany lub nieważny.",
    25010: "Nieprawidłowy typ lub długość klucza.",
    25011: "Nieprawidłowy algorytm podpisu CSR.",
    26001: "Nie można nadać tokenowi uprawnień których nie posiadasz.",
    26002: "Nie można wygenerować tokena dla obecnego typu kontekstu.",
    30001: "Podmiot lub uprawnienie już istnieje.",
    71001: "Faktura o podanym identyfikatorze nie istnieje.",
    71002: "Faktura jest już przypisana do maksymalnej liczby Identyfikatorów Zbiorczych.",
    71004: "Faktury zostały wystawione przez różnych sprzedawców.",
    71005: "Powtórzony numer KSeF faktury.",
    500: "Wystąpił nieoczekiwany błąd.",
}


class ApiError(Exception):
    """
    A request that is answered by 400 with one of KSeF's codes.

    :param code: e.g. 21173.
    :param details: sentences for people; for 21405 one for each wrong field.
    """

    def __init__(self, code: int, *details: str) -> None:
        super().__init__(code, *details)
        self.code = code
        self.details = list(details)


class Invalid(ApiError):  # noqa: N818  as FluentValidation calls it
    """A request whose values are wrong: 21405."""

    def __init__(self, *details: str) -> None:
        super().__init__(21405, *details)


@dataclass
class Problem(Exception):  # noqa: N818  the word of its standard
    """
    An answer that is always problem+json.

    :param extra: members beside those that every problem has.
    """

    status: int
    title: str
    detail: str
    extra: dict[str, object] = field(default_factory=dict)


def unauthorized() -> Problem:
    return Problem(401, "Unauthorized", "Wymagane jest uwierzytelnienie.")


def gone() -> Problem:
    return Problem(410, "Gone", "Operacja wygasła i nie jest już dostępna.")


def foreign_resource() -> Problem:
    extra: dict[str, object] = {"reasonCode": "insufficient-resource-access"}
    return Problem(403, "Forbidden", "Brak dostępu do wskazanego zasobu.", extra)


def missing_permissions(required: list[str], present: list[str]) -> Problem:
    security = {"requiredAnyOfPermissions": required, "presentPermissions": present}
    return Problem(
        403,
        "Forbidden",
        "Brak wymaganych uprawnień do wykonania operacji w bieżącym kontekście.",
        {"reasonCode": "missing-permissions", "security": security},
    )


def address_not_allowed(address: str) -> Problem:
    extra: dict[str, object] = {"reasonCode": "ip-not-allowed", "security": {"clientIp": address}}
    detail = "Żądanie pochodzi z adresu IP innego niż wskazany podczas uwierzytelnienia."
    return Problem(403, "Forbidden", detail, extra)


def method_not_allowed(category: str) -> Problem:
    security = {"authenticationMethodCategory": category}
    detail = "Ta operacja nie jest dostępna dla użytej metody uwierzytelnienia."
    extra: dict[str, object] = {"reasonCode": "auth-method-not-allowed", "security": security}
    return Problem(403, "Forbidden", detail, extra)


def problem_body(problem: Problem, path: str, now: int) -> dict[str, object]:
    """The body of a problem+json answer."""
    return {
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        **problem.extra,
        "traceId": secrets.token_hex(16),
        "timestamp": format_error_moment(now),
    }


def bad_request_problem(error: ApiError, path: str, now: int) -> dict[str, object]:
    """The body of a 400 for clients that ask for problem details: one entry with all details."""
    problem = Problem(400, "Bad Request", "Żądanie jest nieprawidłowe.")
    entry: dict[str, object] = {"code": error.code, "description": describe(error)}
    problem.extra["errors"] = [_with_details(entry, error.details)]
    return problem_body(problem, path, now)


def exception_body(error: ApiError, now: int) -> dict[str, object]:
    """The body of a 400 as KSeF has always written it: one entry with all details."""
    entry: dict[str, object] = {"exceptionCode": error.code, "exceptionDescription": describe(error)}
    return {
        "exception": {
            "exceptionDetailList": [_with_details(entry, error.details)],
            "serviceCode": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00",
            "timestamp": format_error_moment(now),
        }
    }


def describe(error: ApiError) -> str:
    return DESCRIPTIONS[error.code]


def storage_error_body(code: str, message: str) -> str:
    """The XML that a pre-signed link answers with."""
    declaration = '<?xml version="1.0" encoding="utf-8"?>'
    return f"{declaration}<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"


def _with_details(entry: dict[str, object], details: list[str]) -> dict[str, object]:
    return {**entry, "details": details} if details else entry
