"""The connection form in a real browser: made, tested by its button, and never shown again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.airflow_pages import AirflowPages
from tests.browser.conftest import FINISHED
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.official import CHECKOUT
from tests.unit.client.certificate_samples import PASSWORD, SEAL, certificate_of, key_of, key_pem, pem

pytestmark = pytest.mark.system
KEY = key_of("secp256r1")
CERTIFICATE, ENCRYPTED_KEY = pem(certificate_of(KEY, SEAL)), key_pem(KEY, PASSWORD)
MOST_BYTES = 150_000


def open_form(page: Any, conn_id: str, ksef: EmulatorProcess) -> Any:
    """Open the form of a new connection and fill in what every connection has."""
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill(conn_id)
    form.get_by_role("combobox").first.fill("ksef")
    page.keyboard.press("Enter")
    form.locator("input[name=login]").fill(NIP)
    form.locator("input[name=host]").fill(ksef.url)
    form.locator("input[name=port]").fill("443")
    return form


def open_extra_fields(page: Any, form: Any) -> None:
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    form.locator("[name=element_private_key]").wait_for(state="visible")
    page.wait_for_timeout(500)  # it slides open


def save(page: Any, form: Any, conn_id: str) -> Any:
    """Save, and give the connection's row of the list."""
    form.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=conn_id, exact=True))
    row.wait_for()
    return row


def answer_of_test(page: Any, row: Any) -> dict[str, Any]:
    """Press the Test button and give what it is answered."""
    with page.expect_response(lambda answer: answer.url.endswith("/connections/test")) as expected:
        row.get_by_role("button", name="Test Connection").click()
    answer: dict[str, Any] = expected.value.json()
    return answer


def colour_of(row: Any) -> str:
    icon = row.get_by_role("button", name="Test Connection").locator("svg")
    colour: str = icon.evaluate("icon => getComputedStyle(icon).color")
    return colour


def shown(page: Any, row: Any) -> str:
    """Give all that the form shows when the connection is edited."""
    row.get_by_role("button", name="Edit Connection").click()
    form = page.get_by_role("dialog")
    open_extra_fields(page, form)
    values = [field.input_value() for field in form.locator("input, textarea").all()]
    form.get_by_role("button", name="Extra Fields JSON").click()
    page.wait_for_timeout(1000)
    return "\n".join([*values, form.inner_text(), page.content()])


def test_a_token_connection_is_made_and_tested_and_not_shown_again(
    airflow: AirflowPages, ksef: EmulatorProcess, page: Any, pictures: Path
) -> None:
    form = open_form(page, "ksef_default", ksef)
    form.locator("input[name=password]").fill(TOKEN)
    page.wait_for_timeout(500)
    page.screenshot(path=pictures / "connection-form.png")
    row = save(page, form, "ksef_default")
    before = colour_of(row)
    answer = answer_of_test(page, row)
    assert answer["status"] is True
    assert f"as Nip {NIP} with a KSeF token" in answer["message"]
    page.wait_for_timeout(500)
    assert colour_of(row) != before
    secret = TOKEN.rpartition("|")[2]
    assert secret not in shown(page, row)
    assert secret not in airflow.stored_connection("ksef_default")


def test_a_certificate_connection_is_made_and_tested_and_its_key_not_shown_again(
    airflow: AirflowPages, ksef: EmulatorProcess, page: Any, pictures: Path
) -> None:
    form = open_form(page, "ksef_certificate", ksef)
    open_extra_fields(page, form)
    form.locator("[name=element_certificate]").fill(CERTIFICATE)
    form.locator("[name=element_private_key]").fill(ENCRYPTED_KEY)
    form.locator("[name=element_private_key_password]").fill(PASSWORD)
    form.locator("[name=element_private_key]").scroll_into_view_if_needed()
    page.screenshot(path=pictures / "connection-form-certificate.png")
    row = save(page, form, "ksef_certificate")
    answer = answer_of_test(page, row)
    assert answer["status"] is True, answer
    assert "certificate" in answer["message"]
    secrets = {PASSWORD, *(line for line in ENCRYPTED_KEY.splitlines() if not line.startswith("-----"))}
    for where in (shown(page, row), airflow.stored_connection("ksef_certificate")):
        assert [secret for secret in secrets if secret in where] == []


def test_a_wrong_token_is_told_by_the_button(ksef: EmulatorProcess, page: Any) -> None:
    form = open_form(page, "ksef_wrong", ksef)
    form.locator("input[name=password]").fill("20260901-EC-wrong")
    answer = answer_of_test(page, save(page, form, "ksef_wrong"))
    assert answer["status"] is False
    assert "450" in answer["message"]


def test_a_finished_run_is_seen_in_the_graph(page: Any, pictures: Path) -> None:
    page.goto(f"/dags/{FINISHED}")
    page.goto(page.locator(f"a[href*='/dags/{FINISHED}/runs/']").first.get_attribute("href"))
    page.get_by_role("button", name="Show Graph").click()
    for task in ("submit", "report"):
        page.locator(".react-flow__node").filter(has_text=task).wait_for()
    assert page.locator(".react-flow__node").filter(has_text="Success").count() == 2
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "finished-graph.png")


def test_the_pictures_of_the_docs_are_small() -> None:
    pictures = list((CHECKOUT / "docs/images").glob("*.png"))
    assert len(pictures) >= 3
    assert [picture.name for picture in pictures if picture.stat().st_size > MOST_BYTES] == []
