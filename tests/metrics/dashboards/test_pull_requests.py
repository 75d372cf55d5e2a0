"""Pull requests and code review: what each panel counts, and which sentences the page opens with."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics import breakdowns
from metrics.dashboards import pull_requests
from metrics.dashboards.asked import Asked
from metrics.dashboards.panel import plain
from metrics.dashboards.registry import pages
from metrics.figures.pull_requests import PullRequestDay, PullRequests
from metrics.models import RepositoryDay
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.asking import Reader, ask, column, day, headline, url_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme(db: None) -> Account:
    return stored.organization()


def pulls(account: Account, ago: int, **said: Any) -> None:
    """GitHub's own record of a day and its pull requests."""
    blob = breakdowns.pack(json.dumps({"pull_requests": said} if said else {}).encode())
    stored.totals(account, day(ago), daily_active_users=1, blob=blob)


def review(account: Account, ago: int, active: int = 0, passive: int = 0) -> None:
    """A day on which so many asked for a review, and as many others were reviewed unasked."""
    people = {stored.person(who): {"used_copilot_code_review_active": True} for who in range(1, active + 1)}
    people |= {
        stored.person(100 + who): {"used_copilot_code_review_passive": True} for who in range(1, passive + 1)
    }
    stored.use(account, day(ago), people)


def repository(account: Account, ago: int, name: str, created: int, **rest: Any) -> None:
    stored.cover(account, day(ago), "repositories")
    RepositoryDay.objects.create(
        account=account,
        repo_id=sum(map(ord, name)),
        day=day(ago),
        repo_owner_name="octo",
        repo_name=name,
        repo_visibility="internal",
        total_created=created,
        file=stored.report_file("repos-1-day"),
        observed_at=stored.midnight(day(ago)),
        content_hash=b"0" * 16,
        blob=breakdowns.pack(json.dumps(rest).encode()),
    )


def panel(key: str, asked: Asked) -> Any:
    return pages["pull-requests"].panels[key].function(asked)


# --- Pull requests -----------------------------------------------------------------------------


def test_sums_say_what_people_and_copilot_did(acme: Account) -> None:
    pulls(
        acme, 1, total_created=10, total_created_by_copilot=2, total_reviewed=6, total_reviewed_by_copilot=3
    )
    pulls(acme, 0, total_created=5, total_created_by_copilot=1, total_merged=4)

    found = panel("in-sum", ask(acme, days=2))

    assert column(found, "all") == [15, 6, 4, 4]
    assert column(found, "by_copilot") == [3, 3, None, None]
    assert column(found, "by_people") == [12, None, None, None]
    assert column(found, "share") == [Decimal(3) / Decimal(15), Decimal(1) / Decimal(2), None, None]
    assert found.note == ""


def test_sums_say_on_how_many_days_they_rest(acme: Account) -> None:
    pulls(acme, 3, total_created=10)
    stored.cover(acme, day(0))
    found = panel("in-sum", ask(acme, days=7))
    assert found.note == "GitHub told of pull requests on 1 of 7 days: sums are of those."


def test_sums_before_are_compared_only_where_every_day_is_told(acme: Account) -> None:
    for ago, created in ((0, 1), (1, 2), (2, 3), (3, 4)):
        pulls(acme, ago, total_created=created, total_created_by_copilot=1)
    whole = panel("in-sum", ask(acme, days=2, compare=True))
    assert column(whole, "before")[0] == 7
    assert column(whole, "share_before")[0] == Decimal(2) / Decimal(7)
    cut = panel("in-sum", ask(acme, days=3, compare=True))
    assert column(cut, "before") == [None] * 4


def test_a_day_that_is_not_told_is_a_gap_and_so_is_its_week(acme: Account) -> None:
    for ago in (0, 2, 3):
        pulls(acme, ago, total_created=ago, total_reviewed=0)
    pulls(acme, 1)

    daily = panel("over-time", ask(acme, days=4))
    assert column(daily, "total_created") == [3, 2, None, 0]
    assert column(daily, "total_reviewed") == [0, 0, None, 0]
    assert column(daily, "total_merged") == [None] * 4

    weekly = panel("over-time", ask(acme, days=4, by="week"))
    assert weekly.is_empty


def test_weeks_are_sums_of_their_days(acme: Account) -> None:
    for ago in range(7):
        pulls(acme, ago, total_created=ago + 1, total_created_by_copilot=1)
    # The last day is a Thursday: its week has had four days.
    weekly = panel("created-by", ask(acme, days=7, by="week"))
    assert column(weekly, "created_by_people") == [6 + 5 + 4, 3 + 2 + 1 + 0]
    assert column(weekly, "total_created_by_copilot") == [3, 4]
    working = panel("created-by", ask(acme, days=7, by="week", weekends=False))
    assert column(working, "total_created_by_copilot") == [1, 4]


def test_shares_are_summed_before_they_are_divided(acme: Account) -> None:
    pulls(acme, 1, total_created=1, total_created_by_copilot=1)
    pulls(acme, 0, total_created=9, total_created_by_copilot=0)
    found = panel("shares", ask(acme, days=2, by="month"))
    assert column(found, "created") == [Decimal(1) / Decimal(10)]
    assert column(found, "reviewed") == [None]


def test_medians_stay_by_day_however_days_are_put_together(acme: Account) -> None:
    pulls(acme, 1, median_minutes_to_merge=61.5, median_minutes_to_merge_copilot_authored=None)
    pulls(acme, 0, median_minutes_to_merge=3, median_minutes_to_merge_copilot_reviewed=2.5)
    found = panel("minutes-to-merge", ask(acme, days=3, by="week"))
    assert column(found, "day") == [str(day(2)), str(day(1)), str(day(0))]
    assert column(found, "all") == [None, 61.5, 3]
    assert column(found, "copilot_authored") == [None] * 3
    assert column(found, "copilot_reviewed") == [None, None, 2.5]


def test_where_nothing_was_merged_that_is_said(acme: Account) -> None:
    pulls(acme, 0, total_merged=0, median_minutes_to_merge=None)
    assert panel("minutes-to-merge", ask(acme)).empty == "Nothing was merged on the days that are told."


def test_suggestions_are_told_by_type_with_unknown_types_as_they_come(acme: Account) -> None:
    types = [
        {"comment_type": "bug_risk", "total_copilot_suggestions": 4, "total_copilot_applied_suggestions": 1},
        {"comment_type": "Zen", "total_copilot_suggestions": 9},
    ]
    pulls(acme, 0, total_copilot_suggestions=13, copilot_suggestions_by_comment_type=types)
    found = panel("comment-types", ask(acme, days=1))
    assert found.rows == [["Zen", 9, None, None], ["Bug risk", 4, 1, Decimal(1) / Decimal(4)]]
    assert column(panel("suggestions", ask(acme, days=1)), "total_copilot_suggestions") == [13]


# --- Code review users -------------------------------------------------------------------------


def test_review_users_are_counted_over_days_weeks_and_the_period(acme: Account) -> None:
    for ago in range(8):
        review(acme, ago, active=1 if ago == 7 else 0, passive=2 if ago == 0 else 0)
    found = panel("review-users", ask(acme, days=8))
    assert column(found, "active_day") == [1, 0, 0, 0, 0, 0, 0, 0]
    assert column(found, "active_7_days") == [None] * 6 + [1, 0]
    assert column(found, "passive_7_days")[-1] == 2
    assert column(found, "passive_28_days") == [None] * 8
    assert headline(found, "Active in the period") == (1, None)
    assert headline(found, "Passive only") == (2, None)


def test_review_users_of_a_period_need_every_day(acme: Account) -> None:
    review(acme, 0, active=1)
    found = panel("review-users", ask(acme, days=2))
    assert not found.headlines
    assert "only if all days are" in found.note
    assert panel("review-users", ask(stored.organization("zeta", 2))).is_empty


def test_review_users_before_are_told_where_asked_for(acme: Account) -> None:
    for ago in range(4):
        review(acme, ago, active=2 if ago > 1 else 1)
    found = panel("review-users", ask(acme, days=2, compare=True))
    assert headline(found, "Active in the period") == (1, 2)


# --- Repositories ------------------------------------------------------------------------------


def test_repositories_lead_to_their_days(acme: Account) -> None:
    repository(acme, 0, "small", created=1)
    repository(acme, 0, "large", created=7)
    found = panel("repositories", ask(acme, days=1))
    assert column(found, "repository") == ["octo/large", "octo/small"]
    assert column(found, "created") == [7, 1]
    assert column(found, "reviewed") == [None, None]
    url = url_of(found, 0, "repository")
    assert url.endswith(f"account__id__exact={acme.pk}&day_from={day(0)}&day_to={day(0)}&q=large")
    may_not = panel("repositories", ask(acme, days=1, user=Reader("metrics.view_scopeday")))
    assert may_not.rows[0][0] == "octo/large"


def test_review_times_are_of_a_named_day(acme: Account) -> None:
    times = [{"authored_by": "copilot", "total_merged": 2, "median_minutes_first_to_final_review": 30.5}]
    repository(acme, 3, "large", created=7, pull_request_review_times=times)
    repository(acme, 0, "large", created=1)
    found = panel("review-times", ask(acme))
    assert [plain(value) for value in found.rows[0]] == [
        "octo/large", day(3), "copilot", "", 2, None, 30.5, None, None, None, None,
    ]  # fmt: skip


def test_no_report_of_repositories_is_not_no_activity(acme: Account) -> None:
    assert panel("repositories", ask(acme)).empty == "No report of repositories was taken in of these days."
    stored.cover(acme, day(0), "repositories")
    assert panel("repositories", ask(acme)).empty.startswith("No repository had Copilot activity")
    assert panel("review-times", ask(acme)).is_empty


# --- Every panel -------------------------------------------------------------------------------


def test_of_a_team_every_panel_of_pull_requests_says_that_there_are_none(acme: Account) -> None:
    pulls(acme, 0, total_created=4)
    team = stored.roster(acme, day(0), {"red": [stored.person(1)]})["red"]
    review(acme, 0, active=1)
    asked = ask(acme, days=1, team=team)
    for key in pages["pull-requests"].panels:
        if key != "review-users":
            assert "not for teams" in panel(key, asked).empty or "not by team" in panel(key, asked).empty
    assert column(panel("review-users", asked), "active_day") == [1]
    assert pull_requests.words(asked) == [pull_requests.NOT_OF_TEAMS]


@pytest.mark.parametrize("key", list(pages["pull-requests"].panels))
def test_without_anything_told_a_panel_says_so(acme: Account, key: str) -> None:
    found = panel(key, ask(acme))
    assert found.is_empty
    assert found.empty


@pytest.mark.parametrize("key", list(pages["pull-requests"].panels))
def test_a_longer_period_takes_no_more_queries(acme: Account, key: str) -> None:
    for ago in range(8):
        pulls(acme, ago, total_created=1)
        repository(acme, ago, "one", created=1)

    def queries(days: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            panel(key, ask(acme, days=days, compare=True))
        return len(captured)

    assert queries(2) == queries(4) <= 8


# --- Words -------------------------------------------------------------------------------------


def days(*counts: PullRequests) -> list[PullRequestDay]:
    return [PullRequestDay(each) for each in counts]


def test_words_tell_how_many_were_created_and_merged() -> None:
    whole = PullRequests(total_created=200, total_created_by_copilot=24, total_merged=150)
    said = pull_requests.created_and_merged
    assert said(days(whole), 1) == (
        "200 pull requests were created, 12 % of them by Copilot, and 150 merged."
    )
    assert said(days(PullRequests(total_created=1)), 1) == "1 pull request was created."
    assert said(days(PullRequests(total_created=0, total_created_by_copilot=0)), 3) == (
        "0 pull requests were created, on the 1 of 3 days that GitHub told of."
    )
    assert said(days(PullRequests(total_merged=4)), 1) == ""


def test_words_tell_how_copilots_share_of_reviews_moved() -> None:
    now = days(PullRequests(total_reviewed=10, total_reviewed_by_copilot=4))
    before = days(PullRequests(total_reviewed=10, total_reviewed_by_copilot=3))
    said = pull_requests.reviewed_share
    assert said(now, before, 28) == (
        "Copilot's share of the reviewed grew from 30 % to 40 % (against the 28 days before)."
    )
    assert said(now, [], 28) == "Copilot reviewed 40 % of the pull requests that were reviewed."
    assert said(days(PullRequests(total_reviewed=10)), before, 28) == ""


def test_words_tell_how_much_of_copilots_suggestions_was_applied() -> None:
    told = days(PullRequests(total_copilot_suggestions=8, total_copilot_applied_suggestions=2))
    said = pull_requests.applied_share
    assert said(told) == "Of 8 suggestions in Copilot's reviews 25 % were applied."
    assert said(days(PullRequests(total_copilot_suggestions=0, total_copilot_applied_suggestions=0))) == ""
    assert said(days(PullRequests())) == ""


def test_words_speak_of_the_period_and_the_one_before(acme: Account) -> None:
    for ago in range(4):
        pulls(acme, ago, total_created=5, total_reviewed=4, total_reviewed_by_copilot=1 if ago > 1 else 2)
    assert pull_requests.words(ask(acme, days=2)) == [
        "10 pull requests were created.",
        "Copilot's share of the reviewed grew from 25 % to 50 % (against the 2 days before).",
    ]
    # Without every day of the period before nothing is said of it.
    assert pull_requests.words(ask(acme, days=3))[1] == (
        "Copilot reviewed 42 % of the pull requests that were reviewed."
    )


def test_words_say_when_nothing_is_told(acme: Account) -> None:
    stored.cover(acme, day(0))
    assert pull_requests.words(ask(acme)) == [pull_requests.UNTOLD]
