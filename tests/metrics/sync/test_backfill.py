"""Fetching older days in the background: their order, their pace, their end, and what a restart costs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from metrics.models import AskedDay, UserDay
from metrics.sync import backfill
from metrics.sync.backfill_plan import KEEP_BACK, DayLeft, Outlook, Source, days_left, keep_back
from metrics.sync.reports import DAILY, USERS
from metrics.sync.wanted import PROBED_WEEKDAY, Known, newest_days
from metrics.tasks import backfill_day, top_up_backfills
from portal.models import Connection, Job, SyncSchedule
from seats.models import Account
from tests.caches import forget as forget_what_is_cached
from tests.fake_github import FakeGitHub, State
from tests.metrics.sync.conftest import TOKEN
from tests.metrics.sync.running import done
from tests.metrics.sync.test_usage import Connect, person, users

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMIT = 5_000


class Simulated:
    """A GitHub of many organizations that has every report, a database of what was taken in, and a clock."""

    def __init__(self, organizations: int) -> None:
        self.now = NOW
        self.known = {number: {daily: Known() for daily in DAILY} for number in range(1, organizations + 1)}
        newest = newest_days(NOW)
        for reports in self.known.values():
            for known in reports.values():
                known.covered.update(dict.fromkeys(newest, NOW))
        self.requests: Counter[datetime] = Counter()
        self.fetched: list[DayLeft] = []

    def sources(self) -> list[Source]:
        return [Source(number, "organization", known) for number, known in self.known.items()]

    @property
    def hour(self) -> datetime:
        return self.now.replace(minute=0, second=0, microsecond=0)

    def fetch(self, left: DayLeft, seconds: float = 1.0) -> None:
        """As a worker does it: it waits for the next hour where it must leave the rest to others."""
        for daily, known in self.known[left.account].items():
            if not known.stands(left.day) and left.day >= daily.history_begins("organization", NOW.date()):
                if LIMIT - self.requests[self.hour] <= keep_back(LIMIT):
                    self.now = self.hour + timedelta(hours=1)
                self.requests[self.hour] += 1
                known.covered[left.day] = self.now
        self.fetched.append(left)
        self.now += timedelta(seconds=seconds)

    def left(self) -> tuple[int, int]:
        """Days and requests."""
        left = list(days_left(self.sources(), self.now))
        return len(left), sum(one.requests for one in left)


def run(simulated: Simulated, *, most: int | None = None, ahead: int = 200, seconds: float = 1.0) -> None:
    """Plan some days ahead, fetch them, plan anew; stops after `most` days, as if killed."""
    done = 0
    while plan := [
        left for left, _ in zip(days_left(simulated.sources(), simulated.now), range(ahead), strict=False)
    ]:
        for left in plan:
            if most is not None and done >= most:
                return
            simulated.fetch(left, seconds)
            done += 1


class TestAYearOfManyOrganizations:
    """Every day of every report is asked for once; the numbers are those of 200 organizations."""

    @pytest.fixture(
        params=[
            pytest.param(8, id="8 organizations"),
            pytest.param(200, id="200 organizations", marks=pytest.mark.long),
        ]
    )
    def simulated(self, request: Any) -> Simulated:
        return Simulated(request.param)

    def test_stays_inside_the_hours_allowance_and_leaves_some_to_others(self, simulated: Simulated) -> None:
        # With eight organizations as fast as it takes to use up the hour.
        run(simulated, ahead=2_000, seconds=0.1 if len(simulated.known) < 100 else 1.0)

        assert max(simulated.requests.values()) <= LIMIT - KEEP_BACK
        assert len(simulated.requests) > 1
        assert simulated.left() == (0, 0)

    def test_goes_from_the_newest_day_to_the_oldest_across_organizations(self, simulated: Simulated) -> None:
        run(simulated, ahead=2_000)

        days = [left.day for left in simulated.fetched]
        assert days == sorted(days, reverse=True)
        assert days[0] == newest_days(NOW).first - timedelta(days=1)
        assert days[-1] == date(2025, 12, 12)
        assert len(set(simulated.fetched)) == len(simulated.fetched)

    def test_survives_restarts(self, simulated: Simulated) -> None:
        whole = Simulated(len(simulated.known))
        run(whole, ahead=2_000)
        for _ in range(5):
            run(simulated, most=len(whole.fetched) // 6, ahead=2_000)
        run(simulated, ahead=2_000)

        assert simulated.fetched == whole.fetched
        assert sum(simulated.requests.values()) == sum(whole.requests.values())

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.9], ids=["at the beginning", "half way", "near the end"])
    def test_says_rightly_when_it_will_be_over(self, simulated: Simulated, share: float) -> None:
        total, _ = simulated.left()
        run(simulated, most=int(total * share), ahead=2_000, seconds=0.1)
        begun = simulated.now
        outlook = Outlook.of(*simulated.left(), simulated.now, limit=LIMIT)

        run(simulated, ahead=2_000, seconds=0.1)

        assert outlook.ends_at is not None
        # The allowance comes by the hour: it is right to within one.
        assert abs(outlook.ends_at - simulated.now) <= timedelta(hours=1) + (simulated.now - begun) / 20


class TestAnEstimate:
    def test_goes_by_the_allowance_where_nothing_is_known_of_the_pace(self) -> None:
        assert Outlook.of(100, 8_000, NOW, limit=5_000).ends_at == NOW + timedelta(hours=2)

    def test_goes_by_the_pace_where_that_is_slower(self) -> None:
        assert Outlook.of(100, 8_000, NOW, limit=5_000, speed=1_000).ends_at == NOW + timedelta(hours=8)

    def test_never_promises_more_than_the_allowance(self) -> None:
        assert Outlook.of(100, 8_000, NOW, limit=5_000, speed=90_000).per_hour == 4_000

    def test_of_nothing_is_now(self) -> None:
        assert Outlook.of(0, 0, NOW, limit=5_000).ends_at == NOW

    @pytest.mark.parametrize(("limit", "kept"), [(5_000, 1_000), (15_000, 1_000), (1_000, 200), (60, 12)])
    def test_leaves_a_part_of_the_allowance_to_others(self, limit: int, kept: int) -> None:
        assert keep_back(limit) == kept


def test_a_report_that_ended_thirty_days_ago_is_asked_for_once_a_week_further_back() -> None:
    known = Known(absent={newest_days(NOW).first - timedelta(days=age): NOW for age in range(-28, 6)})

    left = list(days_left([Source(1, "organization", {USERS: known})], NOW))

    assert 40 < len(left) < 52
    assert {one.day.weekday() for one in left} == {PROBED_WEEKDAY}


# --- With a database and a GitHub -------------------------------------------------------------


@pytest.mark.django_db
class TestInTheBackground:
    OLDEST = 34

    @pytest.fixture(autouse=True)
    def no_plan(self) -> None:
        forget_what_is_cached()

    @pytest.fixture
    def state(self, clock: time_machine.Coordinates) -> State:
        state = State()
        state.token(TOKEN)
        for login, number in (("octo", 900), ("hexa", 901)):
            organization = state.organization(login, number)
            for age in (1, 29, 30, self.OLDEST):
                day = NOW.date() - timedelta(days=age)
                users(organization, day, [person(number + age, day, organization_id=str(number))])
        return state

    @pytest.fixture
    def accounts(self, connected: Connect) -> list[Account]:
        """Two organizations whose newest days are in, and with nothing older than OLDEST."""
        accounts = [connected("octo"), connected("hexa")]
        for account in accounts:
            self.know(account, range(4, 29))
            self.know(account, range(self.OLDEST + 1, 366))
            Job.objects.create(kind="sync-usage", subject=account.subject, state=Job.State.DONE)
        return accounts

    def know(self, account: Account, ages: range) -> None:
        """That GitHub has no reports of these days."""
        days = [NOW.date() - timedelta(days=age) for age in ages]
        AskedDay.objects.bulk_create(
            AskedDay(account=account, report=daily.report, day=day, asked_at=NOW)
            for daily in DAILY
            for day in days
        )

    def work_off(self, most: int = 1_000) -> list[str]:
        """Run the jobs as a worker does, until there are no more; their days in order."""
        worked: list[str] = []
        ready = Job.objects.filter(kind="backfill-day", state=Job.State.QUEUED, run_after=None)
        while len(worked) < most and (job := ready.order_by("id").first()):
            worked.append(job.arguments["day"])
            backfill_day(job.pk)
        return worked

    def test_a_few_jobs_are_alive_at_a_time(self, accounts: list[Account], connection: Connection) -> None:
        assert top_up_backfills() == backfill.AT_ONCE
        assert top_up_backfills() == 0

        days = set(Job.objects.filter(kind="backfill-day").values_list("subject", flat=True))
        assert days == {
            f"{account.subject} {NOW.date() - timedelta(days=age)}"
            for account in accounts
            for age in (29, 30)
        }

    def test_one_follows_the_other_until_nothing_is_left(
        self, accounts: list[Account], connection: Connection, github: FakeGitHub
    ) -> None:
        top_up_backfills()

        worked = self.work_off()

        assert worked == sorted(worked, reverse=True)
        assert len(worked) == 2 * (self.OLDEST - 28)
        assert UserDay.objects.filter(day__lt=newest_days(NOW).first).count() == 6
        assert backfill.outlook(connection) is None
        github.forget()
        forget_what_is_cached()
        assert top_up_backfills() == 0
        assert not github.requests

    def test_it_follows_the_newest_days_by_itself(self, connected: Connect, github: FakeGitHub) -> None:
        account = connected("octo")
        self.know(account, range(4, 29))

        done(account)

        first = str(newest_days(NOW).first - timedelta(days=1))
        assert Job.objects.filter(kind="backfill-day", subject=f"{account.subject} {first}").exists()

    def test_nothing_is_lost_with_the_queue(self, accounts: list[Account], connection: Connection) -> None:
        top_up_backfills()
        self.work_off(most=3)
        Job.objects.filter(kind="backfill-day").delete()
        forget_what_is_cached()

        top_up_backfills()
        self.work_off()

        assert UserDay.objects.filter(day__lt=newest_days(NOW).first).count() == 6

    def test_it_says_how_much_is_left(self, accounts: list[Account], connection: Connection) -> None:
        assert backfill.outlook(connection) is None, "nothing is planned on a page's account"
        backfill.plan_of(connection, NOW)

        outlook = backfill.outlook(connection)

        assert outlook is not None
        assert (outlook.days, outlook.requests) == (2 * 6, 2 * 6 * 4)
        assert outlook.ends_at == NOW + timedelta(hours=48 / 4_000)
        assert backfill.what_is_left(connection) == (
            "12 days of its accounts are still to be fetched, newest first, by 48 requests at up to 4,000 an "
            "hour: done by about 2026-11-20 12:00 UTC."
        )

    def test_pages_say_so_too(
        self, accounts: list[Account], connection: Connection, olga_client: Client
    ) -> None:
        top_up_backfills()

        page = olga_client.get(reverse("admin:index")).content.decode()

        assert "octo: 12 days of its accounts are still to be fetched" in page
        page = olga_client.get(reverse("admin:portal_connection_change", args=[connection.pk]))
        assert "Older days of use: 12 days of its accounts are still to be fetched" in page.content.decode()

    def test_it_leaves_the_rest_of_the_hour_to_others(
        self, accounts: list[Account], connection: Connection, github: FakeGitHub, state: State
    ) -> None:
        top_up_backfills()
        self.work_off(most=1)
        (budget,) = github.limits.budgets.values()
        budget.used = LIMIT - KEEP_BACK
        github.forget()

        self.work_off()

        waiting = Job.objects.filter(kind="backfill-day", state=Job.State.QUEUED)
        assert waiting.count() == backfill.AT_ONCE
        assert all(job.run_after == NOW + timedelta(hours=1) for job in waiting)
        assert all("kept for more urgent work" in job.error for job in waiting)
        assert len(github.requests) <= backfill.AT_ONCE

    def test_nothing_is_asked_while_usage_is_switched_off(
        self, accounts: list[Account], connection: Connection
    ) -> None:
        SyncSchedule.objects.update_or_create(
            connection=connection, kind=SyncSchedule.Kind.USAGE, defaults={"is_on": False}
        )

        assert top_up_backfills() == 0

    def test_a_day_that_failed_rests(
        self, accounts: list[Account], connection: Connection, state: State
    ) -> None:
        octo = state.organizations[0]
        for age in range(29, self.OLDEST + 1):
            users(octo, NOW.date() - timedelta(days=age), b'{"broken')
        top_up_backfills()

        self.work_off()

        failed = Job.objects.filter(kind="backfill-day", state=Job.State.FAILED)
        assert backfill.FAILURES_IN_A_REST <= failed.count() <= backfill.FAILURES_IN_A_REST + backfill.AT_ONCE
        assert len(set(failed.values_list("subject", flat=True))) == failed.count()
        assert UserDay.objects.filter(account=accounts[1], day__lt=newest_days(NOW).first).count() == 3
