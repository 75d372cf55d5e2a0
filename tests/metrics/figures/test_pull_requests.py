"""Pull requests and code review, as GitHub's own records of days tell them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from metrics import breakdowns
from metrics.figures import ActiveUsers, Scope
from metrics.figures.pull_requests import (
    PullRequests,
    code_review,
    comment_types,
    pull_request_days,
    repositories,
    review_times,
    share_of,
)
from metrics.models import RepositoryDay
from metrics.periods import Period
from seats.models import Account
from tests.metrics import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 10, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def report(account: Account, number: int, **record: Any) -> None:
    """GitHub's own record of a day."""
    blob = breakdowns.pack(json.dumps(record).encode())
    stored.totals(account, day(number), daily_active_users=1, blob=blob)


def repository(account: Account, number: int, repo_id: int, name: str = "", **said: Any) -> None:
    told = said.pop("pull_request_review_times", None)
    rest = {} if told is None else {"pull_request_review_times": told}
    stored.cover(account, day(number), "repositories")
    RepositoryDay.objects.create(
        account=account,
        repo_id=repo_id,
        day=day(number),
        repo_owner_name="octo",
        repo_name=name or f"repo-{repo_id}",
        file=stored.report_file("repos-1-day"),
        observed_at=stored.midnight(day(number)),
        content_hash=b"0" * 16,
        blob=breakdowns.pack(json.dumps(rest).encode()),
        **said,
    )


PERIOD = Period(day(0), day(9))


# --- Days --------------------------------------------------------------------------------------


def test_only_days_of_whose_pull_requests_github_tells_are_there() -> None:
    acme = stored.organization()
    report(acme, 0, pull_requests={"total_created": 4, "median_minutes_to_merge": 12.5})
    report(acme, 1)
    stored.use(acme, day(2), {stored.person(1): {}})

    days = pull_request_days(Scope(acme), PERIOD)

    assert list(days) == [day(0)]
    assert days[day(0)].counts.total_created == 4
    assert days[day(0)].counts.total_merged is None
    assert days[day(0)].minutes_to_merge == 12.5
    assert days[day(0)].minutes_to_merge_copilot_authored is None


def test_a_team_has_no_pull_requests() -> None:
    acme = stored.organization()
    report(acme, 0, pull_requests={"total_created": 4})
    team = stored.roster(acme, day(0), {"red": [stored.person(1)]})["red"]
    assert pull_request_days(Scope(acme, team), PERIOD) == {}


def test_sums_keep_what_nobody_says_unknown() -> None:
    summed = PullRequests.of([PullRequests(total_created=3), PullRequests(total_created=4, total_merged=0)])
    assert (summed.total_created, summed.total_merged, summed.total_reviewed) == (7, 0, None)
    assert PullRequests.of([]) == PullRequests()


def test_people_created_what_copilot_did_not() -> None:
    assert PullRequests(total_created=5, total_created_by_copilot=2).created_by_people == 3
    assert PullRequests(total_created=5).created_by_people is None
    assert PullRequests(total_created=1, total_created_by_copilot=2).created_by_people is None


def test_a_share_is_of_the_days_that_tell_both_numbers() -> None:
    days = [
        PullRequests(total_created=10, total_created_by_copilot=1),
        PullRequests(total_created=30),
        PullRequests(total_created=2, total_created_by_copilot=2),
    ]
    assert share_of(days, "total_created_by_copilot", "total_created") == Decimal(3) / Decimal(12)
    assert share_of(days, "total_reviewed_by_copilot", "total_reviewed") is None
    assert share_of([PullRequests(total_created=0, total_created_by_copilot=0)], *SHARE) is None


SHARE = ("total_created_by_copilot", "total_created")


def test_suggestions_are_told_by_the_type_of_comment_in_any_case_of_letters() -> None:
    acme = stored.organization()

    def types(*entries: tuple[str, int, int | None]) -> dict[str, Any]:
        return {
            "copilot_suggestions_by_comment_type": [
                {"comment_type": name, "total_copilot_suggestions": made}
                | ({} if taken is None else {"total_copilot_applied_suggestions": taken})
                for name, made, taken in entries
            ]
        }

    report(acme, 0, pull_requests=types(("security", 4, 1), ("Bug_Risk", 9, 3)))
    report(acme, 1, pull_requests=types(("SECURITY", 6, None)))

    found = comment_types(pull_request_days(Scope(acme), PERIOD).values())

    assert [tuple(each) for each in found] == [
        ("security", 10, 1, Decimal(1) / Decimal(4)),
        ("bug_risk", 9, 3, Decimal(3) / Decimal(9)),
    ]


# --- Code review users -------------------------------------------------------------------------


def reviews(account: Account, number: int, active: list[int], passive: list[int]) -> None:
    people = {
        stored.person(who): {
            "used_copilot_code_review_active": True if who in active else None,
            "used_copilot_code_review_passive": True if who in passive else None,
        }
        for who in {*active, *passive}
    }
    stored.use(account, day(number), people)


def test_who_is_active_in_the_same_days_is_not_passive() -> None:
    acme = stored.organization()
    for number in range(28):
        reviews(acme, number, [], [])
    reviews(acme, 25, active=[1], passive=[2])
    reviews(acme, 27, active=[2], passive=[1, 3])

    told = code_review(Scope(acme), Period(day(25), day(27)))

    assert told.users_on(day(25)) == (ActiveUsers(1, 1, None), ActiveUsers(1, 1, None))
    assert told.users_on(day(26)).active == ActiveUsers(0, 1, None)
    # Both have been active within the week: only the third is passive.
    assert told.users_on(day(27)).active == ActiveUsers(1, 2, 2)
    assert told.users_on(day(27)).passive == ActiveUsers(2, 1, 1)
    month = Period(day(0), day(27))
    assert code_review(Scope(acme), month).people(month) == (2, 1)


def test_where_people_are_not_covered_githubs_own_numbers_stand() -> None:
    acme = stored.organization()
    report(
        acme,
        3,
        daily_active_copilot_code_review_users=5,
        weekly_active_copilot_code_review_users=8,
        monthly_passive_copilot_code_review_users=2,
    )
    told = code_review(Scope(acme), Period(day(2), day(3)))
    assert told.users_on(day(3)).active == ActiveUsers(5, 8, None)
    assert told.users_on(day(3)).passive == ActiveUsers(None, None, 2)
    assert told.users_on(day(2)).active == ActiveUsers(None, None, None)
    assert told.people([day(2), day(3)]) == (None, None)


def test_of_a_team_those_count_who_were_in_it_that_day() -> None:
    acme = stored.organization()
    red = stored.roster(acme, day(0), {"red": [stored.person(1)]})["red"]
    stored.roster(acme, day(1), {"red": [stored.person(2)]})
    reviews(acme, 0, active=[1, 2], passive=[])
    reviews(acme, 1, active=[1], passive=[2])
    assert code_review(Scope(acme, red), Period(day(0), day(1))).people([day(0), day(1)]) == (1, 1)


# --- Repositories ------------------------------------------------------------------------------


def test_repositories_rank_by_what_was_created_reviewed_and_merged() -> None:
    acme = stored.organization()
    repository(acme, 0, 1, total_created=5, total_merged=1)
    repository(acme, 1, 1, total_created=2)
    repository(acme, 1, 2, total_reviewed=9)
    repository(acme, 1, 3)
    repository(stored.organization("zeta", 2), 1, 4, total_created=99)

    found = repositories(acme, PERIOD)

    assert [each.repo_id for each in found] == [2, 1, 3]
    assert found[1].counts == PullRequests(total_created=7, total_merged=1)
    assert found[2].counts == PullRequests()
    assert [each.repo_id for each in repositories(acme, PERIOD, top=1)] == [2]
    assert [each.repo_id for each in repositories(acme, PERIOD, [day(0)])] == [1]


def test_a_renamed_repository_is_one_under_its_newest_name() -> None:
    acme = stored.organization()
    repository(acme, 0, 1, "old", total_created=5)
    repository(acme, 1, 1, "new", total_created=2)
    [found] = repositories(acme, PERIOD)
    assert (found.name, found.newest, found.counts.total_created) == ("octo/new", day(1), 7)


def test_review_times_are_those_of_the_newest_day_that_tells_them() -> None:
    acme = stored.organization()

    def times(minutes: float) -> list[dict[str, Any]]:
        return [
            {
                "authored_by": "human",
                "reviewed_by": "human",
                "total_merged": 3,
                "median_minutes_ready_to_first_review": minutes,
            }
        ]

    repository(acme, 0, 1, pull_request_review_times=times(10))
    repository(acme, 1, 1, pull_request_review_times=times(20.5))
    repository(acme, 2, 1, pull_request_review_times=[])
    repository(acme, 2, 2)

    [found] = review_times(acme, [2, 1], PERIOD)

    assert (found.repo_id, found.day, found.authored_by, found.merged) == (1, day(1), "human", 3)
    assert found.minutes["median_minutes_ready_to_first_review"] == 20.5
    assert found.minutes["p90_minutes_final_review_to_merge"] is None
