"""Fetching the use of an account: what is asked of GitHub, and what comes of each answer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine

from metrics import figures
from metrics.models import AskedDay, DirtyDay, ReportDay, ScopeDay, TeamDay, UserDay
from metrics.sync.folder import download_folder
from metrics.sync.usage import WHOLE, Asked
from metrics.tasks import enqueue_usage, remove_left_downloads
from portal import kept_files
from portal.connections import github_for
from portal.models import Job, ReportFile
from seats.models import Account
from tests.fake_github import FakeGitHub, Organization, Report, State, Trouble
from tests.metrics.report_files import NOTHING
from tests.metrics.sync.conftest import TOKEN
from tests.metrics.sync.running import asked_days, done, downloads, run_usage

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
# Three days that GitHub may still restate, and three that have settled.
WEEK = Asked(since=TODAY - timedelta(days=6))
FORTNIGHT = Asked(since=TODAY - timedelta(days=14))
Connect = Callable[..., Account]


@pytest.fixture
def state(clock: time_machine.Coordinates) -> State:
    state = State()
    state.token(TOKEN)
    return state


@pytest.fixture
def octo(state: State) -> Organization:
    return state.organization("octo", 900)


@pytest.fixture
def account(octo: Organization, connected: Connect) -> Account:
    return connected("octo")


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def person(number: int, day: date, interactions: int = 5, **more: Any) -> dict[str, Any]:
    """A line of users-1-day."""
    return {
        "day": str(day),
        "organization_id": "900",
        "user_id": number,
        "user_login": f"user-{number}",
        **NOTHING,
        "user_initiated_interaction_count": interactions,
        "used_chat": True,
        **more,
    }


def totals(day: date, people: int) -> dict[str, Any]:
    """A line of organization-1-day."""
    active = dict.fromkeys(("daily_active_users", "weekly_active_users", "monthly_active_users"), people)
    return {"day": str(day), "organization_id": "900", **NOTHING, **active, "pull_requests": {}}


def users(octo: Organization, day: date, *parts: Any) -> None:
    octo.reports["users-1-day", str(day)] = list(parts)


def people_of(day: date) -> dict[str, int]:
    """Who has a line that day, and how much they asked."""
    rows = UserDay.objects.filter(day=day).values_list("user__login", "user_initiated_interaction_count")
    return {login: count or 0 for login, count in rows}


class TestADay:
    def test_comes_in_with_its_people_and_their_moment(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        users(octo, ago(5), [person(1, ago(5)), person(2, ago(5), 7)])

        tally = done(account, WEEK)

        assert people_of(ago(5)) == {"user-1": 5, "user-2": 7}
        day = ReportDay.objects.get(report="users")
        assert (day.day, day.is_complete) == (ago(5), True)
        assert day.observed_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
        assert day.file.source == ReportFile.Source.DOWNLOAD
        assert (tally["rows_seen"], tally["rows_new"], tally["downloads"]) == (2, 2, 1)
        assert tally["requests"] == len(github.requests)
        assert ScopeDay.objects.get(source="users").daily_active_users == 2
        assert not DirtyDay.objects.exists()

    def test_loses_the_people_that_github_no_longer_lists(
        self, octo: Organization, account: Account, clock: time_machine.Coordinates
    ) -> None:
        users(octo, ago(2), [person(1, ago(2)), person(2, ago(2))])
        done(account, WEEK)
        clock.shift(timedelta(hours=1))
        users(octo, ago(2), [person(2, ago(2))])

        tally = done(account, WEEK)

        assert people_of(ago(2)) == {"user-2": 5}
        assert (tally["rows_ended"], tally["ended"]) == (1, [f"user-1 on {ago(2)}"])

    def test_tells_what_github_restated(
        self, octo: Organization, account: Account, clock: time_machine.Coordinates
    ) -> None:
        users(octo, ago(2), [person(1, ago(2), 5)])
        octo.reports["organization-1-day", str(ago(2))] = [[totals(ago(2), 1)]]
        done(account, WEEK)
        clock.shift(timedelta(hours=1))
        users(octo, ago(2), [person(1, ago(2), 8), person(2, ago(2), 1)])
        octo.reports["organization-1-day", str(ago(2))] = [[totals(ago(2), 2)]]

        restated = done(account, WEEK)["restated"]

        said = {(line["report"], line["field"]): (line["from"], line["to"]) for line in restated}
        assert said["users", "people"] == (1, 2)
        assert said["users", "user_initiated_interaction_count"] == (5, 9)
        assert said["scope", "daily_active_users"] == (1, 2)
        assert {(line["account"], line["day"]) for line in restated} == {("octo", str(ago(2)))}

    def test_that_is_the_same_again_is_read_but_not_written(
        self, octo: Organization, account: Account, clock: time_machine.Coordinates
    ) -> None:
        users(octo, ago(2), [person(1, ago(2))])
        done(account, WEEK)
        clock.shift(timedelta(hours=1))

        tally = done(account, WEEK)

        assert (tally["rows_seen"], tally["rows_unchanged"], tally["rows_changed"]) == (1, 1, 0)
        assert ReportFile.objects.count() == 1
        assert ReportDay.objects.get().observed_at == datetime(2026, 11, 20, 13, tzinfo=UTC)

    def test_of_which_an_older_file_tells_otherwise_stays_as_it_is(
        self, octo: Organization, account: Account, clock: time_machine.Coordinates, tmp_path: Any
    ) -> None:
        """Also when the row itself is older than the file: the day was confirmed since."""
        from tests.metrics.report_files import take, write_lines

        users(octo, ago(2), [person(1, ago(2))])
        done(account, WEEK)
        clock.shift(timedelta(hours=2))
        done(account, WEEK)
        between = {"report_start_day": str(ago(28)), "report_end_day": str(ago(1))}
        line = person(1, ago(2), 99, **between, created_at="2026-11-20T13:00:00Z")

        outcome = take(write_lines(tmp_path / "users.json", [line]))

        assert outcome.counts.rows_superseded == 1
        assert people_of(ago(2)) == {"user-1": 5}

    def test_without_anybody_is_a_day_without_use(self, octo: Organization, account: Account) -> None:
        users(octo, ago(5), b"")

        done(account, WEEK)

        assert ReportDay.objects.get(report="users", day=ago(5)).is_complete
        assert figures.active_users(account, ago(5)).daily == 0
        assert not ScopeDay.objects.exists()

    def test_that_is_empty_all_at_once_is_not_believed(self, octo: Organization, account: Account) -> None:
        users(octo, ago(2), [person(1, ago(2))])
        done(account, WEEK)
        users(octo, ago(2), b"")

        job = run_usage(account, WEEK)

        assert job.state == Job.State.FAILED
        assert "is empty, and was not before" in job.error
        assert people_of(ago(2)) == {"user-1": 5}


class TestParts:
    def lines(self, *numbers: int) -> list[dict[str, Any]]:
        return [person(number, ago(5)) for number in numbers]

    @pytest.mark.parametrize(
        "parts",
        [
            pytest.param(
                [b"\n".join(json.dumps(person(n, ago(5))).encode() for n in (1, 2))], id="no last line break"
            ),
            pytest.param(
                [json.dumps(person(1, ago(5))).encode(), json.dumps(person(2, ago(5))).encode()],
                id="two without line breaks",
            ),
            pytest.param(
                [json.dumps(person(1, ago(5))).encode(), json.dumps([person(2, ago(5))]).encode()],
                id="a line and an array",
            ),
            pytest.param(
                [
                    gzip.compress(json.dumps(person(1, ago(5))).encode(), mtime=0),
                    b"\xef\xbb\xbf" + json.dumps([person(2, ago(5))], indent=2).encode(),
                ],
                id="packed, and a pretty array with a byte order mark",
            ),
            pytest.param(
                [
                    json.dumps(person(1, ago(5)), indent=1).encode(),
                    b"",
                    json.dumps(person(2, ago(5))).encode(),
                ],
                id="a pretty object, nothing, and a line",
            ),
        ],
    )
    def test_are_one_report_in_whatever_form_they_come(
        self, octo: Organization, account: Account, parts: list[bytes]
    ) -> None:
        users(octo, ago(5), *parts)

        tally = done(account, WEEK)

        assert people_of(ago(5)) == {"user-1": 5, "user-2": 5}
        assert tally["rows_rejected"] == 0
        assert ReportFile.objects.filter(kind="users-1-day").count() == 1

    def test_that_break_off_are_refused_before_the_first_row(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        whole = json.dumps(person(1, ago(5))).encode()
        users(octo, ago(5), whole + b"\n", whole + b"\n" + whole[:-30])
        octo.reports["organization-1-day", str(ago(5))] = [[totals(ago(5), 1)]]

        job = run_usage(account, WEEK)

        assert job.state == Job.State.FAILED
        assert "breaks off before its end: nothing of it was taken in" in job.error
        assert not UserDay.objects.exists()
        assert ScopeDay.objects.exists(), "the other reports are none the worse"
        assert asked_days(github, "users-1-day").count(str(ago(5))) == 3

    def test_are_asked_for_again_when_they_break_off_once(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        users(octo, ago(5), [person(1, ago(5))])
        github.trouble = Trouble("half-file", times=1)

        done(account, WEEK)

        assert people_of(ago(5)) == {"user-1": 5}

    def test_leave_no_file_behind(
        self, octo: Organization, account: Account, settings: Any, github: FakeGitHub
    ) -> None:
        users(octo, ago(5), [person(1, ago(5))])
        users(octo, ago(6), b'{"broken')
        seen: list[int] = []
        github.before_answer = lambda request: seen.append(request.status or 0)

        run_usage(account, WEEK)

        folder = settings.DATA_DIR / "downloads"
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o077 == 0

    def test_of_another_kind_are_refused(self, octo: Organization, account: Account) -> None:
        users(octo, ago(5), [totals(ago(5), 1)])

        assert (
            "is a organization-1-day report, and users-1-day was asked for" in run_usage(account, WEEK).error
        )

    def test_of_another_day_are_no_part_of_it(self, octo: Organization, account: Account) -> None:
        users(octo, ago(5), [person(1, ago(5)), person(2, ago(6))])

        tally = done(account, WEEK)

        assert people_of(ago(5)) == {"user-1": 5}
        assert tally["rows_rejected"] == 1
        assert ReportDay.objects.get().day == ago(5)

    def test_of_another_organization_are_refused(self, octo: Organization, account: Account) -> None:
        users(octo, ago(5), [person(1, ago(5))])
        done(account, WEEK)
        users(octo, ago(2), [{**person(1, ago(2)), "organization_id": "901"}])

        job = run_usage(account, WEEK)

        assert job.state == Job.State.FAILED
        assert people_of(ago(2)) == {}


class TestWhatIsAskedFor:
    def test_settled_days_are_asked_for_once(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        for age in range(1, 7):
            users(octo, ago(age), [person(1, ago(age))])
        done(account, WEEK)
        github.forget()

        done(account, WEEK)

        unsettled = [str(ago(age)) for age in (1, 2, 3)]
        for name in ("organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"):
            assert asked_days(github, name) == unsettled
        assert downloads(github) == {f"users-1-day/{day}": 1 for day in unsettled}

    def test_a_day_is_read_once_more_when_it_has_settled(
        self, octo: Organization, account: Account, github: FakeGitHub, clock: time_machine.Coordinates
    ) -> None:
        users(octo, ago(3), [person(1, ago(3))])
        done(account, WEEK)
        users(octo, ago(3), [person(1, ago(3), 6)])
        clock.shift(timedelta(days=1))
        done(account, WEEK)
        assert people_of(ago(3)) == {"user-1": 6}
        github.forget()

        done(account, WEEK)

        assert str(ago(3)) not in asked_days(github, "users-1-day")

    @pytest.mark.parametrize("answer", [204, 404, "empty"])
    def test_a_settled_day_without_a_report_is_remembered(
        self, octo: Organization, account: Account, github: FakeGitHub, answer: Any
    ) -> None:
        octo.no_report = answer
        users(octo, ago(5), [person(1, ago(5))])
        done(account, WEEK)
        github.forget()

        done(account, WEEK)

        assert set(asked_days(github, "users-1-day")) == {str(ago(age)) for age in (1, 2, 3)}
        assert AskedDay.objects.filter(report="users", day=ago(6)).exists()

    def test_a_report_that_comes_late_is_no_longer_remembered_as_missing(
        self, octo: Organization, account: Account
    ) -> None:
        done(account, WEEK)
        users(octo, ago(2), [person(1, ago(2))])

        done(account, WEEK)

        assert not AskedDay.objects.filter(report="users", day=ago(2)).exists()

    def test_the_newest_days_come_first(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        done(account, WEEK)

        days = asked_days(github, "organization-1-day")
        assert days == sorted(days, reverse=True)
        assert days[0] == str(ago(1))

    def test_a_worker_asks_for_the_newest_28_days_only(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        done(account)

        assert min(asked_days(github, "users-1-day")) == str(ago(28))

    def test_behind_thirty_days_without_a_report_a_day_a_week_is_asked_for(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        users(octo, ago(10), [person(1, ago(10))])

        done(account, WHOLE)

        older = [day for day in asked_days(github, "users-1-day") if day < str(ago(10 + 30))]
        assert 40 < len(older) < 50
        assert {date.fromisoformat(day).weekday() for day in older} == {2}

    def test_what_lies_behind_two_months_without_a_report_is_found(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        for age in range(60, 75):
            users(octo, ago(age), [person(1, ago(age))])

        done(account, WHOLE)

        assert UserDay.objects.count() == 15
        github.forget()
        done(account, WHOLE)
        assert set(asked_days(github, "users-1-day")) <= {"latest", *(str(ago(age)) for age in (1, 2, 3))}

    def test_somebody_may_insist_on_older_ones(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        done(account, Asked(since=ago(50), until=ago(40)))

        assert asked_days(github, "users-1-day") == [str(ago(age)) for age in range(40, 51)]


class TestTheReportOver28Days:
    """On a first run it saves most requests; nothing depends on it."""

    DAYS = range(1, 15)

    def fill(self, octo: Organization, quiet: tuple[int, ...] = ()) -> None:
        lines = {}
        for age in self.DAYS:
            if age not in quiet:
                people = {1: age, 1 + age % 3: age}
                lines[age] = [person(number, ago(age), count) for number, count in people.items()]
                users(octo, ago(age), lines[age])
                octo.reports["organization-1-day", str(ago(age))] = [[totals(ago(age), 2)]]
        window = {"report_start_day": str(ago(29)), "report_end_day": str(ago(2))}
        octo.reports["users-28-day", "latest"] = Report(
            [[line | window for age in lines if age > 1 for line in lines[age]]],
            start_day=ago(29),
            end_day=ago(2),
        )
        octo.reports["organization-28-day", "latest"] = Report(
            [
                [
                    {
                        **window,
                        "organization_id": "900",
                        "day_totals": [totals(ago(a), 2) for a in lines if a > 5],
                    }
                ]
            ],
            start_day=ago(29),
            end_day=ago(2),
        )

    def test_brings_settled_days_at_once(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        self.fill(octo)

        done(account, FORTNIGHT)

        assert asked_days(github, "users-28-day") == ["latest"]
        assert asked_days(github, "users-1-day") == [str(ago(age)) for age in (1, 2, 3)]

    def test_leaves_days_that_it_lacks_to_the_reports_of_a_day(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        self.fill(octo)

        done(account, FORTNIGHT)

        assert asked_days(github, "organization-1-day") == [str(ago(age)) for age in (1, 2, 3, 4, 5)]

    def test_makes_no_difference_to_any_figure(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        self.fill(octo)
        done(account, FORTNIGHT)
        with_it = told()
        assert asked_days(github, "users-28-day")
        for model in (ReportDay, UserDay, ScopeDay, TeamDay, AskedDay):
            model.objects.all().delete()
        del octo.reports["users-28-day", "latest"]
        del octo.reports["organization-28-day", "latest"]
        github.forget()

        done(account, FORTNIGHT)

        assert len(asked_days(github, "users-1-day")) == 14
        assert told() == with_it

    def test_tells_of_a_quiet_sunday_that_nobody_did_anything(
        self, octo: Organization, account: Account
    ) -> None:
        self.fill(octo, quiet=(6,))

        done(account, FORTNIGHT)

        assert figures.active_users(account, ago(6)) == figures.ActiveUsers(0, 3, None)
        assert figures.active_users(account, ago(5)).weekly == 3

    def test_tells_so_also_when_the_day_becomes_quiet_later_on(
        self, octo: Organization, account: Account, github: FakeGitHub, clock: time_machine.Coordinates
    ) -> None:
        """On a first run, and day by day: the figures are the same."""
        self.fill(octo, quiet=(3,))
        done(account, FORTNIGHT)
        assert not ReportDay.objects.filter(report="users", day=ago(3)).exists()
        clock.shift(timedelta(days=1))
        github.forget()

        done(account, FORTNIGHT)

        assert asked_days(github, "users-28-day") == ["latest"]
        assert figures.active_users(account, ago(3)).daily == 0
        github.forget()
        done(account, FORTNIGHT)
        assert asked_days(github, "users-28-day") == []

    def test_per_person_instead_of_per_day_is_of_no_use(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        self.fill(octo)
        line = {**person(1, ago(5)), "report_start_day": str(ago(29)), "report_end_day": str(ago(2))}
        del line["day"]
        octo.reports["users-28-day", "latest"] = Report([[line]], start_day=ago(29), end_day=ago(2))

        done(account, WEEK)

        assert len(asked_days(github, "users-1-day")) == 6
        assert people_of(ago(6)) == {"user-1": 6}

    def test_that_is_not_there_is_asked_for_once_a_day(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        users(octo, ago(5), [person(1, ago(5))])
        done(account, WEEK)
        done(account, WEEK)

        assert len(asked_days(github, "users-28-day")) == 1


def told() -> Any:
    """All figures and lines, without our own keys, files and moments."""
    return (
        list(
            UserDay.objects.order_by("user__github_id", "day").values_list(
                "user__login", "day", "content_hash"
            )
        ),
        list(ScopeDay.objects.order_by("day", "source").values_list("day", "source", "daily_active_users")),
        list(ReportDay.objects.order_by("report", "day").values_list("report", "day", "is_complete")),
        [figures.active_users(Account.objects.get(login="octo"), ago(age)) for age in range(1, 15)],
    )


class TestWhatGitHubRefuses:
    def test_one_report_does_not_keep_the_others_back(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        users(octo, ago(5), [person(1, ago(5))])
        github.trouble = Trouble("401", where=lambda request: False)
        octo.metrics_policy_is_on = True

        done(account, WEEK)

        assert people_of(ago(5))

    def test_all_of_them_fails_with_githubs_reason(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        octo.metrics_policy_is_on = False

        job = run_usage(account, WEEK)

        assert job.state == Job.State.FAILED
        assert "polic" in job.error.lower()
        assert len(github.requests) < 10, "it is not asked for every day of every report"

    def test_is_asked_for_again_once_it_is_given(self, octo: Organization, account: Account) -> None:
        users(octo, ago(5), [person(1, ago(5))])
        octo.metrics_policy_is_on = False
        run_usage(account, WEEK)
        octo.metrics_policy_is_on = True

        done(account, WEEK)

        assert people_of(ago(5)) == {"user-1": 5}


class TestTroubleOfGitHubs:
    """What it goes on failing at; the client has tried it several times each time."""

    @pytest.fixture(autouse=True)
    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("seats.sync.steps.github_for", partial(github_for, retries=0))

    def test_with_one_day_keeps_no_other_back(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        for age in (4, 5, 6):
            users(octo, ago(age), [person(1, ago(age))])
        github.trouble = Trouble("500", where=lambda request: _is_of(request, "users-1-day", ago(5)))

        job = run_usage(account, WEEK)

        assert (job.state, job.retries) == (Job.State.QUEUED, 1)
        assert "answered 500" in job.error
        assert set(UserDay.objects.values_list("day", flat=True)) == {ago(4), ago(6)}

    def test_with_one_report_keeps_no_other_back(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        octo.reports["organization-1-day", str(ago(6))] = [[totals(ago(6), 2)]]
        github.trouble = Trouble("500", where=lambda request: "users-" in request.path)

        job = run_usage(account, WEEK)

        assert job.state == Job.State.QUEUED
        assert ScopeDay.objects.get().day == ago(6)
        assert len(asked_days(github, "users-1-day")) == 2

    def test_with_everything_ends_the_run(self, account: Account, github: FakeGitHub) -> None:
        github.trouble = Trouble("500", where=lambda request: "1-day" in request.path)

        assert run_usage(account, WEEK).state == Job.State.QUEUED
        assert len([request for request in github.requests if "1-day" in request.path]) == 2


def _is_of(request: Any, name: str, day: date) -> bool:
    return name in request.path and request.query.get("day") == str(day)


class TestAnInterruptedRun:
    def test_goes_on_where_it_was(self, octo: Organization, account: Account, github: FakeGitHub) -> None:
        for age in (4, 5, 6):
            users(octo, ago(age), [person(1, ago(age))])
        github.trouble = Trouble("401", where=lambda request: str(ago(5)) in str(request.query.get("day")))
        assert run_usage(account, WEEK).state == Job.State.FAILED
        assert set(UserDay.objects.values_list("day", flat=True)) == {ago(4)}
        github.trouble = None
        github.forget()

        done(account, WEEK)

        assert str(ago(4)) not in asked_days(github, "users-1-day")
        assert UserDay.objects.count() == 3

    def test_waits_until_github_allows_more(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        users(octo, ago(5), [person(1, ago(5))])
        github.trouble = Trouble("429", retry_after=600, times=1)

        job = run_usage(account, WEEK)

        assert job.state == Job.State.QUEUED
        assert job.run_after is not None
        assert timedelta(seconds=590) < job.run_after - datetime(2026, 11, 20, 12, tzinfo=UTC)


class TestWhatAKilledProcessLeaves:
    def test_is_removed_after_a_day(self, db: None, settings: Any, clock: time_machine.Coordinates) -> None:
        left = settings.DATA_DIR / "downloads" / "left"
        left.mkdir(parents=True)
        file = ReportFile.objects.create(
            source="download", kind="users-1-day", name="users-1-day", sha256="a" * 64, size=1
        )
        clock.shift(timedelta(days=20_000))

        assert remove_left_downloads() == 1

        assert not left.exists()
        file.refresh_from_db()
        assert file.state == ReportFile.State.UNDONE

    def test_stays_while_it_is_at_work(self, db: None, settings: Any) -> None:
        file = ReportFile.objects.create(
            source="download", kind="users-1-day", name="users-1-day", sha256="b" * 64, size=1
        )

        with download_folder() as folder, kept_files.sole_reader(file.sha256):
            assert remove_left_downloads() == 0
            assert folder.is_dir()

        file.refresh_from_db()
        assert file.state == ReportFile.State.READING


def test_a_schedule_makes_a_job_for_each_account(state: State, connected: Connect) -> None:
    for login in ("octo", "hexa"):
        connected(login)
    connection = Account.objects.get(login="octo").connection
    assert connection is not None

    made = enqueue_usage(connection.pk)

    assert sorted(job.subject for job in made) == sorted(account.subject for account in Account.objects.all())
    assert {job.kind for job in made} == {"sync-usage"}
    assert {job.pk for job in enqueue_usage(connection.pk)} == {job.pk for job in made}
