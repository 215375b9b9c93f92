"""Plans: the least that KSeF's limits ask for, before anything is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.limits import RateLimit, RateLimits
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.transfers.plan import plan_exports, plan_here, plan_load
from tests.limits.caller import settings_of

NIPS = ["5250001210", "1111111111"]


def load(**given: Any) -> Any:
    return plan_load(**{"nips": NIPS[:1], "date_from": "2026-02-01", "date_to": "2026-08-01", **given})


def test_a_window_of_89_days_is_an_export_at_the_least() -> None:
    plan = load()
    assert (plan.exports, plan.contexts, plan.hours, plan.budget) == (3, 1, 0, 0.15)
    assert plan.calls == 3 + plan.status_calls + plan.login_calls


def test_each_role_and_each_company_is_exported_by_itself() -> None:
    assert load(nips=NIPS).exports == 6
    assert load(subject_types=("Subject1", "Subject2")).exports == 6
    assert load(nips=NIPS).budget == load().budget, "companies have budgets of their own"


@pytest.mark.parametrize(
    ("invoices", "exports", "hours"),
    [(0, 3, 0), (10_000, 3, 0), (10_001, 4, 0), (180_000, 20, 0), (180_001, 21, 1), (1_000_000, 102, 5)],
)
def test_expected_invoices_make_more_exports_and_hours(invoices: int, exports: int, hours: int) -> None:
    plan = load(invoices=invoices)
    assert (plan.exports, plan.hours) == (exports, hours)
    assert load(nips={NIPS[0]: invoices}).exports == exports


def test_the_busiest_company_is_waited_for() -> None:
    plan = load(nips={NIPS[0]: 500_000, "5260250274": 10})
    assert plan.exports == 52 + 3
    assert (plan.budget, plan.hours) == (2.6, 2)


def test_other_limits_are_taken_as_ksef_gives_them() -> None:
    assert plan_exports([41], limit=RateLimit(8, 16, 10)).hours == 4
    assert plan_exports([41], limit=RateLimit(None, None, None)).hours == 0
    assert plan_exports([100], calls_for_status=10).hours == 4, "20 exports an hour are the narrower limit"
    assert plan_exports([1], calls_for_status=1300).hours == 2, "600 status calls an hour"
    assert plan_exports([1], calls_for_status=1300, status_limit=RateLimit(None, None, None)).hours == 0
    assert plan_exports([]).calls == 0


def test_a_plan_of_a_connection_takes_what_ksef_told_any_task_of_this_host(tmp_path: Path) -> None:
    settings = settings_of("http://ksef.test/v2")
    with KsefClient(settings, limiter=RateLimiter(SqliteTurnStore(tmp_path / "turns"), settings)) as ksef:
        assert (plan_here(ksef, 41).exports_per_hour, plan_here(ksef, 41).hours) == (20, 2)
        other = RateLimiter(SqliteTurnStore(tmp_path / "turns"), settings)
        other.learn(RateLimits(invoice_export=RateLimit(8, 16, 40)))
        assert (plan_here(ksef, 41).exports_per_hour, plan_here(ksef, 41).hours) == (40, 1)
        assert "budget of 40 exports an hour" in str(plan_here(ksef, 41))
        other.learn(RateLimits(invoice_export=RateLimit(None, None, None)))
        assert (plan_here(ksef, 41).budget, plan_here(ksef, 41).hours) == (0, 0)
        assert "no limit" in str(plan_here(ksef, 41))
    with KsefClient(settings) as ksef:
        assert plan_here(ksef, 41).exports_per_hour == 20


def test_a_plan_tells_itself() -> None:
    assert "3 export(s) for 1 context(s)" in str(load())
    assert load().to_json()["calls"] == load().calls


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"nips": ["5250001211"]}, "nips"),
        ({"subject_types": "Subject2"}, "subject_types"),
        ({"subject_types": ("Subject9",)}, "subject_types"),
        ({"date_from": "2021-01-01"}, "date_from"),
        ({"date_to": "2025-01-01"}, "date_to"),
    ],
)
def test_a_wrong_plan_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(KsefInputError, match=f"{field}="):
        load(**wrong)
