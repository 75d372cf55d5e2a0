"""What a report says of its freshness is of the accounts it was asked, and of the files its rows are from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from metrics.models import DirtyDay, ReportDay
from portal.models import ReportFile
from seats.models import Account, SeatRoster
from tests.metrics import stored
from tests.reports import exported

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

OLD, NEW = datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)


def file(name: str, kind: str = "seats") -> ReportFile:
    return ReportFile.objects.create(source="upload", kind=kind, name=name, sha256="0" * 64, size=1)


def listed(account: Account, at: datetime, name: str) -> None:
    SeatRoster.objects.create(account=account, observed_at=at, is_complete=True, seats=1, file=file(name))


def told(account: Account, report: str, day: date, name: str) -> None:
    ReportDay.objects.create(
        account=account, report=report, day=day, file=file(name, report), observed_at=stored.midnight(day)
    )


def said(what: str, name: str, *options: str) -> str:
    """The line of the header block; "" where there is none."""
    lines: Iterator[str] = iter(exported(name, "--header", *options).splitlines())
    return next((line.strip('"') for line in lines if line.strip('"').startswith(f"# {what}: ")), "")


# --- Seats --------------------------------------------------------------------------------------


@pytest.mark.parametrize("report", ["seats", "inactive-seats", "activity"])
def test_an_organization_s_seats_are_as_fresh_as_its_own_list(report: str) -> None:
    listed(stored.organization("alpha", 1), OLD, "alpha.json")
    listed(stored.organization("beta", 2), NEW, "beta.json")

    alpha = said("Seats", report, "--organization", "alpha")
    beta = said("Seats", report, "--organization", "beta")

    assert alpha == "# Seats: as of 2026-01-10 12:00 UTC, from alpha.json"
    assert beta == "# Seats: as of 2026-11-20 12:00 UTC, from beta.json"


def test_or_as_its_enterprise_s(db: None) -> None:
    octo = stored.enterprise()
    listed(stored.organization("alpha", 1, octo), OLD, "alpha.json")
    listed(octo, NEW, "octo.json")
    listed(stored.enterprise("other", 902), OLD, "other.json")

    for scope in (["--organization", "alpha"], ["--enterprise", "octo"]):
        assert said("Seats", "seats", *scope) == "# Seats: as of 2026-11-20 12:00 UTC, from octo.json"


def test_an_enterprise_s_are_those_of_its_organizations(db: None) -> None:
    octo = stored.enterprise()
    listed(stored.organization("alpha", 1, octo), OLD, "alpha.json")
    listed(stored.organization("beta", 2, octo), datetime(2026, 3, 1, tzinfo=UTC), "beta.json")
    listed(stored.organization("gamma", 3), NEW, "gamma.json")

    assert said("Seats", "seats", "--enterprise", "octo") == (
        "# Seats: as of 2026-03-01 00:00 UTC, from beta.json; "
        "the oldest of the accounts' lists is of 2026-01-10"
    )


def test_of_every_account_the_newest_and_the_oldest_are_told(db: None) -> None:
    listed(stored.organization("alpha", 1), OLD, "alpha.json")
    listed(stored.organization("beta", 2), NEW, "beta.json")

    assert said("Seats", "seats").endswith("beta.json; the oldest of the accounts' lists is of 2026-01-10")


def test_the_page_says_what_the_header_says(olga_client: Any) -> None:
    listed(stored.organization("alpha", 1), OLD, "alpha.json")
    listed(stored.organization("beta", 2), NEW, "beta.json")

    page = olga_client.get("/reports/seats/", {"scope": "organization:alpha"})

    assert page.context["facts"] == [("Seats", "as of 2026-01-10 12:00 UTC, from alpha.json")]


# --- Use ----------------------------------------------------------------------------------------


def test_use_is_up_to_the_newest_day_of_the_account_asked(db: None) -> None:
    told(stored.organization("alpha", 1), "users", date(2026, 9, 30), "alpha.ndjson")
    told(stored.organization("beta", 2), "users", date(2026, 11, 19), "beta.ndjson")

    assert said("Use", "user-metrics", "--organization", "alpha") == (
        "# Use: up to 2026-09-30 (UTC), as of 2026-09-30 00:00 UTC, from alpha.ndjson"
    )
    assert "from beta.ndjson; days from 2026-11-17 on are provisional" in said("Use", "user-metrics")


def test_its_source_is_a_file_of_the_kind_that_the_rows_come_from(db: None) -> None:
    alpha = stored.organization("alpha", 1)
    told(alpha, "users", date(2026, 9, 30), "people.ndjson")
    told(alpha, "scope", date(2026, 10, 2), "organization.json")
    named = ["--organization", "alpha"]

    for people in ("user-metrics", "ai-credits", "team-metrics", "client-versions"):
        assert "up to 2026-09-30" in said("Use", people, *named)
        assert said("Use", people, *named).endswith("from people.ndjson")
    for both in ("daily-metrics", "weekly-trend", "feature-metrics", "custom"):
        assert said("Use", both, *named).endswith("from organization.json")
    for grouping in ("team", "department", "cost_centre"):
        assert said("Use", "custom", "--grouping", grouping, *named).endswith("from people.ndjson")


def test_an_account_of_which_nothing_was_taken_in_says_nothing_of_others(db: None) -> None:
    stored.organization("alpha", 1)
    beta = stored.organization("beta", 2)
    listed(beta, NEW, "beta.json")
    told(beta, "users", date(2026, 11, 19), "beta.ndjson")

    assert said("Use", "user-metrics", "--organization", "alpha") == ""
    assert said("Seats", "seats", "--organization", "alpha") == ""


def test_days_that_are_being_added_up_are_those_of_the_account(db: None) -> None:
    alpha, beta = stored.organization("alpha", 1), stored.organization("beta", 2)
    for account in (alpha, beta):
        told(account, "users", date(2026, 9, 30), f"{account.login}.ndjson")
    DirtyDay.objects.create(account=beta, day=date(2026, 9, 30))

    assert "being added up" not in said("Use", "user-metrics", "--organization", "alpha")
    assert said("Use", "user-metrics", "--organization", "beta").endswith("1 day is being added up")
