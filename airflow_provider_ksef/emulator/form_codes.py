"""The form that the invoices of a session have."""

from __future__ import annotations

from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.facts import FORMS, FormCode
from airflow_provider_ksef.emulator.wire import WireModel


class FormCodeBody(WireModel):
    """Which form the invoices have."""

    system_code: str
    schema_version: str
    value: str


def find_form(code: FormCodeBody) -> FormCode:
    """
    Give the form of a code.

    :raises Invalid: where there is none.
    """
    form = FORMS.get(code.system_code)
    if form is None or (form.schema_version, form.value) != (code.schema_version, code.value):
        raise unsupported_form()
    return form


def unsupported_form() -> Invalid:
    return Invalid("Wskazany kod formularza nie jest wspierany.")
