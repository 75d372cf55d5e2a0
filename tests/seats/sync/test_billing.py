"""GitHub's own count of an organization's seats, kept day by day beside ours."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from portal.models import Job
from seats.models import Account, BillingSummary
from tests.fake_github import Organization
from tests.seats.sync.running import done, run, seat_people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_the_summary_of_a_day_is_kept(octo: Organization, account: Account) -> None:
    seat_people(octo, 12)

    tally = done("billing", account)

    summary = BillingSummary.objects.get()
    assert (summary.day, summary.total, summary.plan_type) == (date(2026, 11, 20), 12, "business")
    assert summary.seat_management_setting == "assign_selected"
    assert (tally["rows_new"], tally["requests"]) == (1, 1)


def test_the_last_answer_of_a_day_stays_and_every_day_has_its_own(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 12)
    done("billing", account)
    seat_people(octo, 1, first=50)
    assert done("billing", account)["rows_changed"] == 1
    clock.shift(timedelta(days=1))
    seat_people(octo, 1, first=51)
    done("billing", account)

    assert list(BillingSummary.objects.order_by("day").values_list("total", flat=True)) == [13, 14]


def test_a_payment_problem_is_said_in_words(octo: Organization, account: Account) -> None:
    octo.has_payment_problem = True

    job = run("billing", account)

    assert job.state == Job.State.FAILED
    assert "payment" in job.error
    assert not BillingSummary.objects.exists()


def test_the_accounts_page_shows_it_beside_our_own_count(
    olga_client: Client, octo: Organization, account: Account
) -> None:
    seat_people(octo, 12)
    done("seats", account)
    octo.billing["seat_breakdown"] = {
        "total": 13, "added_this_cycle": 2, "pending_cancellation": 1, "pending_invitation": 1,
        "active_this_cycle": 9, "inactive_this_cycle": 4,
    }  # fmt: skip
    octo.member("left-behind", 99)
    done("billing", account)
    done("members", account)
    done("teams", account)

    page = olga_client.get(reverse("admin:seats_account_change", args=[account.pk])).content.decode()

    for said in (
        "What GitHub itself says",
        "GitHub, 2026-11-20 12:00 UTC",
        "13",
        "selected people and teams",
    ):
        assert said in page
    assert "Left, but still seated" in page
