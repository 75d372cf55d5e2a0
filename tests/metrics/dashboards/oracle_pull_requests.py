"""Pull requests and code review, from GitHub's own records of an account's days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from tests.metrics.dashboards.oracle import (
    DAY,
    Expected,
    Question,
    Truth,
    added,
    expects,
    over_time,
    share,
)

Row = Mapping[str, Any]


def told(truth: Truth, asked: Question) -> dict[date, Row]:
    """The days on which GitHub told of pull requests."""
    found = {day: truth.said(asked, day, "pull_requests") for day in asked.days}
    return {day: said for day, said in found.items() if said is not None}


def summed(days: Iterable[Row], name: str) -> int | None:
    return added(day.get(name) for day in days)


def without(day: Row, whole: str, part: str) -> int | None:
    every, some = day.get(whole), day.get(part)
    return None if every is None or some is None or some > every else every - some


def share_of(days: Iterable[Row], part: str, whole: str) -> Any:
    both = [day for day in days if day.get(part) is not None and day.get(whole) is not None]
    return share(summed(both, part), summed(both, whole))


CREATED_BY = ("total_created", "total_created_by_copilot")
MERGED_BY = ("total_merged", "total_merged_created_by_copilot")


@expects("pull-requests", "in-sum")
def in_sum(truth: Truth, asked: Question) -> Expected:
    days = list(told(truth, asked).values())
    if not days:
        return Expected([])
    before = None
    if asked.before:
        then = told(truth, asked.earlier())
        before = list(then.values()) if len(then) == len(asked.earlier().days) else None
    rows = []
    for what, whole, part, has_people in (
        ("Created", *CREATED_BY, True),
        ("Reviewed", "total_reviewed", "total_reviewed_by_copilot", False),
        ("Merged", *MERGED_BY, True),
        ("Merged, reviewed by Copilot", "total_merged", "total_merged_reviewed_by_copilot", False),
    ):
        row: dict[str, Any] = {
            "what": what,
            "all": summed(days, whole),
            "by_copilot": summed(days, part),
            "by_people": added(without(day, whole, part) for day in days) if has_people else None,
            "share": share_of(days, part, whole),
        }
        if asked.before:
            row["before"] = None if before is None else summed(before, whole)
            row["share_before"] = None if before is None else share_of(before, part, whole)
        rows.append(row)
    return Expected(rows)


def series(truth: Truth, asked: Question, *names: str) -> Expected:
    days = told(truth, asked)

    def values(wanted: list[date]) -> Mapping[str, Any]:
        if any(day not in days for day in wanted):
            return dict.fromkeys(names)
        return {name: summed((days[day] for day in wanted), name) for name in names}

    return over_time(asked, values)


@expects("pull-requests", "over-time")
def created_reviewed_merged(truth: Truth, asked: Question) -> Expected:
    return series(truth, asked, "total_created", "total_reviewed", "total_merged")


@expects("pull-requests", "suggestions")
def suggestions(truth: Truth, asked: Question) -> Expected:
    return series(
        truth, asked, "total_suggestions", "total_applied_suggestions", "total_copilot_suggestions",
        "total_copilot_applied_suggestions",
    )  # fmt: skip


def parted(truth: Truth, asked: Question, name: str, whole: str, part: str) -> Expected:
    days = told(truth, asked)

    def values(wanted: list[date]) -> Mapping[str, Any]:
        if any(day not in days for day in wanted):
            return {name: None, part: None}
        own = [days[day] for day in wanted]
        return {name: added(without(day, whole, part) for day in own), part: summed(own, part)}

    return over_time(asked, values)


@expects("pull-requests", "created-by")
def created_by(truth: Truth, asked: Question) -> Expected:
    return parted(truth, asked, "created_by_people", *CREATED_BY)


@expects("pull-requests", "merged-by")
def merged_by(truth: Truth, asked: Question) -> Expected:
    return parted(truth, asked, "merged_created_by_people", *MERGED_BY)


@expects("pull-requests", "shares")
def shares(truth: Truth, asked: Question) -> Expected:
    days = told(truth, asked)

    def values(wanted: list[date]) -> Mapping[str, Any]:
        if any(day not in days for day in wanted):
            return {"created": None, "reviewed": None}
        own = [days[day] for day in wanted]
        return {
            "created": share_of(own, "total_created_by_copilot", "total_created"),
            "reviewed": share_of(own, "total_reviewed_by_copilot", "total_reviewed"),
        }

    return over_time(asked, values)


@expects("pull-requests", "minutes-to-merge")
def minutes_to_merge(truth: Truth, asked: Question) -> Expected:
    days = told(truth, asked)
    names = {"all": "", "copilot_authored": "_copilot_authored", "copilot_reviewed": "_copilot_reviewed"}

    def values(wanted: list[date]) -> Mapping[str, Any]:
        own = days.get(wanted[0], {})
        return {name: own.get(f"median_minutes_to_merge{end}") for name, end in names.items()}

    return over_time(replace(asked, by="day"), values)


@expects("pull-requests", "comment-types")
def comment_types(truth: Truth, asked: Question) -> Expected:
    pairs: dict[str, list[tuple[int | None, int | None]]] = defaultdict(list)
    for day in told(truth, asked).values():
        for entry in day.get("copilot_suggestions_by_comment_type") or []:
            pairs[entry["comment_type"].casefold()].append(
                (entry.get("total_copilot_suggestions"), entry.get("total_copilot_applied_suggestions"))
            )
    rows = [
        {
            "comment_type": name.replace("_", " ").capitalize(),
            "suggested": added(one for one, _ in own),
            "applied": added(other for _, other in own),
            "rate": share(
                added(one[1] for one in own if None not in one),
                added(one[0] for one in own if None not in one),
            ),
        }
        for name, own in pairs.items()
    ]
    return Expected(sorted(rows, key=lambda row: (-row["suggested"], row["comment_type"].casefold())))


ACTIVE, PASSIVE = "code_review_active", "code_review_passive"


def reviewers(truth: Truth, asked: Question, days: list[date]) -> tuple[int | None, int | None]:
    """Distinct people who asked for a review, and those who were only reviewed unasked."""
    if any(not truth.is_covered(asked, day) for day in days):
        return None, None
    active, passive = truth.union(asked, days, ACTIVE), truth.union(asked, days, PASSIVE)
    return len(active), len(passive - active)


@expects("pull-requests", "review-users")
def review_users(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        last = days[-1]
        row = {}
        for length, name, often in ((1, "day", "daily"), (7, "7_days", "weekly"), (28, "28_days", "monthly")):
            counted = reviewers(truth, asked, [last - DAY * back for back in range(length)])
            for word, value in zip(("active", "passive"), counted, strict=True):
                own = truth.said(asked, last, f"{often}_{word}_copilot_code_review_users")
                row[f"{word}_{name}"] = own if value is None else value
        return row

    expected = over_time(asked, values)
    asked_for, unasked = reviewers(truth, asked, asked.days)
    if not expected.rows or asked_for is None:
        return replace(expected, headlines={})
    was: tuple[int | None, int | None] = (None, None)
    if asked.before:
        was = reviewers(truth, asked.earlier(), asked.earlier().days)
    headlines = {"Active in the period": (asked_for, was[0]), "Passive only": (unasked, was[1])}
    return replace(expected, headlines=headlines)


# Repositories ------------------------------------------------------------------------------------


def repository_days(truth: Truth, asked: Question) -> dict[int, list[tuple[date, Row]]]:
    found: dict[int, list[tuple[date, Row]]] = defaultdict(list)
    if asked.team is None:
        for day in asked.days:
            for repo_id, record in truth.oracle.repositories.get(asked.account, {}).get(day, {}).items():
                found[repo_id].append((day, record))
    return found


def most_active(truth: Truth, asked: Question) -> list[int]:
    activity = {
        repo_id: sum(
            summed((day["pull_requests"] for _, day in days), name) or 0
            for name in ("total_created", "total_reviewed", "total_merged")
        )
        for repo_id, days in repository_days(truth, asked).items()
    }
    return sorted(activity, key=lambda repo_id: (-activity[repo_id], repo_id))[:25]


@expects("pull-requests", "repositories")
def repositories(truth: Truth, asked: Question) -> Expected:
    days = repository_days(truth, asked)
    rows = []
    for repo_id in most_active(truth, asked):
        newest = days[repo_id][-1][1]
        pulls = [record["pull_requests"] for _, record in days[repo_id]]
        rows.append(
            {
                "repository": f"{newest['repo_owner_name']}/{newest['repo_name']}",
                "visibility": newest["repo_visibility"],
                **{
                    name: summed(pulls, f"total_{name}")
                    for name in ("created", "created_by_copilot", "reviewed", "reviewed_by_copilot", "merged",
                                 "merged_created_by_copilot")
                },
            }
        )  # fmt: skip
    return Expected(rows)


@expects("pull-requests", "review-times")
def review_times(truth: Truth, asked: Question) -> Expected:
    """The newest day of the period's last 28 that tells of it, weekends or not."""
    whole = replace(asked, weekends=True)
    days = repository_days(truth, replace(whole, first=max(asked.first, asked.last - 27 * DAY)))
    names = {
        "first_review": "minutes_ready_to_first_review",
        "final_review": "minutes_first_to_final_review",
        "merge": "minutes_final_review_to_merge",
    }
    rows = []
    for repo_id in most_active(truth, asked):
        telling = [each for each in days.get(repo_id, []) if each[1].get("pull_request_review_times")]
        if telling:
            day, record = telling[-1]
            newest = repository_days(truth, asked)[repo_id][-1][1]
            rows += [
                {
                    "repository": f"{newest['repo_owner_name']}/{newest['repo_name']}",
                    "day": day,
                    "authored_by": entry["authored_by"],
                    "reviewed_by": entry["reviewed_by"],
                    "merged": entry.get("total_merged"),
                    **{name: entry.get(f"median_{key}") for name, key in names.items()},
                    **{f"p90_{name}": entry.get(f"p90_{key}") for name, key in names.items()},
                }
                for entry in record["pull_request_review_times"]
            ]
    return Expected(rows)
