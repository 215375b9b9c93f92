"""Links are followed to the environment alone."""

from __future__ import annotations

import pytest

from airflow_provider_ksef.client.presigned import check_link
from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.exceptions import KsefIntegrityError
from tests.unit.client.fake_ksef import SETTINGS


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/storage/1?sig=x",
        "http://api-test.ksef.mf.gov.pl/storage/1?sig=x",
        "https://api-test.ksef.mf.gov.pl.example/storage/1",
        "https://api-test.ksef.mf.gov.pl@example.com/storage/1",
        "//example.com/storage/1",
        "ftp://api-test.ksef.mf.gov.pl/storage/1",
        "file:///etc/passwd",
        "https://[broken/storage/1",
        "https://api-test.ksef.mf.gov.pl:port/storage/1",
    ],
)
def test_links_to_elsewhere_are_refused(link: str) -> None:
    with pytest.raises(KsefIntegrityError, match="Nothing was sent there"):
        check_link(SETTINGS.environment, link)


def test_links_to_the_environment_are_taken() -> None:
    environment = SETTINGS.environment
    absolute = "https://API-TEST.ksef.mf.gov.pl/storage/1?sig=x"
    assert check_link(environment, absolute) == absolute.lower()
    assert check_link(environment, "/storage/1?sig=x") == "https://api-test.ksef.mf.gov.pl/storage/1?sig=x"
    local = Environment("custom", "http://localhost:8089/v2", "")
    assert check_link(local, "http://localhost:9000/storage/1") == "http://localhost:9000/storage/1"
