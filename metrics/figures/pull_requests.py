"""Pull requests and code review: what GitHub's own records of an account's days say of them.

Nothing of this is told per person or per team. A pull request is created once and merged once, but it counts
as reviewed on every day on which it was. https://docs.github.com/copilot/reference/copilot-usage-metrics/
copilot-usage-metrics, “Pull request activity fields”.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import attrgetter, or_
from typing import Any, NamedTuple

from django.db.models import F, Max, Q, Sum, Value
from django.db.models.functions import Coalesce

from metrics import breakdowns
from metrics.figures import ActiveUsers, EntityDay, day_records, day_sets_of, ratio, total, union
from metrics.figures import records as told
from metrics.figures.distinct import DaySets, trailing_unions
from metrics.figures.scope import Scope
from metrics.figures.stored_periods import stored_counts
from metrics.models import DayUsers, RepositoryDay
from metrics.models.repository_day import PULL_REQUEST_COUNTERS
from metrics.periods import DAY, MONTH, WEEK, Period
from seats.models import Account

REVIEW_TIMES = (
    "median_minutes_ready_to_first_review",
    "median_minutes_first_to_final_review",
    "median_minutes_final_review_to_merge",
    "p90_minutes_ready_to_first_review",
    "p90_minutes_first_to_final_review",
    "p90_minutes_final_review_to_merge",
)


Pair = tuple[int | None, int | None]


# --- Days --------------------------------------------------------------------------------------


class PullRequests(NamedTuple):
    """GitHub's eleven counts of a day or of several, each by its name; None where nothing says it."""

    total_created: int | None = None
    total_reviewed: int | None = None
    total_merged: int | None = None
    total_suggestions: int | None = None
    total_applied_suggestions: int | None = None
    total_created_by_copilot: int | None = None
    total_reviewed_by_copilot: int | None = None
    total_merged_created_by_copilot: int | None = None
    total_merged_reviewed_by_copilot: int | None = None
    total_copilot_suggestions: int | None = None
    total_copilot_applied_suggestions: int | None = None

    @classmethod
    def of(cls, many: Iterable[PullRequests]) -> PullRequests:
        """Several added up; what none of them says stays unknown."""
        columns = zip(*many, strict=True)
        return cls(*(total(column) for column in columns))

    @property
    def created_by_people(self) -> int | None:
        """Those that Copilot did not create."""
        return less(self.total_created, self.total_created_by_copilot)

    @property
    def merged_created_by_people(self) -> int | None:
        return less(self.total_merged, self.total_merged_created_by_copilot)


class PullRequestDay(NamedTuple):
    """A day's counts, its three medians in minutes, and Copilot's suggestions by the type of comment."""

    counts: PullRequests
    minutes_to_merge: float | None = None
    minutes_to_merge_copilot_authored: float | None = None
    minutes_to_merge_copilot_reviewed: float | None = None
    # By folded comment type: suggested, applied.
    comment_types: Mapping[str, Pair] = {}


def less(whole: int | None, part: int | None) -> int | None:
    """`whole` without `part`; None where either is unknown, or they contradict each other."""
    if whole is None or part is None or part > whole:
        return None
    return whole - part


def pull_request_days(scope: Scope, period: Period) -> Mapping[date, PullRequestDay]:
    """The days of whose pull requests GitHub tells, in order. Of a team it tells nothing."""
    if scope.team is not None:
        return {}
    return {
        day: _day(record.pull_requests)
        for day, record in day_records(scope, period, "pull_requests", with_row=True).items()
        if record.pull_requests is not None
    }


_counts_of = attrgetter(*PullRequests._fields)


def _day(said: told.PullRequests) -> PullRequestDay:
    types: dict[str, Pair] = {}
    for entry in said.copilot_suggestions_by_comment_type or []:
        pair = entry.total_copilot_suggestions, entry.total_copilot_applied_suggestions
        name = (entry.comment_type or "").casefold()
        types[name] = added_pairs((types[name], pair)) if name in types else pair
    return PullRequestDay(
        PullRequests(*_counts_of(said)),
        said.median_minutes_to_merge,
        said.median_minutes_to_merge_copilot_authored,
        said.median_minutes_to_merge_copilot_reviewed,
        types,
    )


def added_pairs(pairs: Iterable[Pair]) -> Pair:
    many = list(pairs)
    return total(one for one, _ in many), total(other for _, other in many)


def share_of(days: Iterable[PullRequests], part: str, whole: str) -> Decimal | None:
    """One count ÷ another, by GitHub's names: summed first, over the days that tell both.

    None where nothing is to be shared. What was reviewed on several days counts on each, above and below.
    """
    pairs = [(getattr(day, part), getattr(day, whole)) for day in days]
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    return ratio(total(one for one, _ in both), total(other for _, other in both))


class CommentType(NamedTuple):
    """Copilot's review suggestions of one type over a period."""

    comment_type: str
    suggested: int | None
    applied: int | None
    # Applied ÷ suggested, over the days that tell both.
    rate: Decimal | None


def comment_types(days: Iterable[PullRequestDay]) -> list[CommentType]:
    """Copilot's suggestions by the type of comment, most first."""
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for day in days:
        for name, pair in day.comment_types.items():
            pairs[name].append(pair)
    found = []
    for name, several in pairs.items():
        suggested, applied = added_pairs(several)
        whole, part = added_pairs(pair for pair in several if None not in pair)
        found.append(CommentType(name, suggested, applied, ratio(part, whole)))
    return sorted(found, key=lambda each: (-(each.suggested or 0), each.comment_type))


# --- Code review users -------------------------------------------------------------------------


class ReviewUsers(NamedTuple):
    """Who used Copilot's code review on a day, and in the 7 and 28 days that end with it.

    Active: asked for a review or applied a suggestion. Passive: was reviewed unasked, and nothing more in
    the same days: with both signals somebody is active only.
    """

    active: ActiveUsers
    passive: ActiveUsers


class CodeReview(NamedTuple):
    """Who used code review on the days that were read, and GitHub's own records of them."""

    active: DaySets
    passive: DaySets
    # Of each day, from people; None where not all days of a window are covered.
    counted: Mapping[date, ReviewUsers]
    records: Mapping[date, EntityDay]

    def users_on(self, day: date) -> ReviewUsers:
        """From people where all days of a window are covered, else GitHub's own numbers."""
        found: dict[str, list[int | None]] = {"active": [], "passive": []}
        for often in ("daily", "weekly", "monthly"):
            for word, counted in zip(found, self.counted[day], strict=True):
                value = getattr(counted, often)
                if value is None and day in self.records:
                    value = getattr(self.records[day], f"{often}_{word}_copilot_code_review_users")
                found[word].append(value)
        return ReviewUsers(ActiveUsers(*found["active"]), ActiveUsers(*found["passive"]))

    def people(self, days: Iterable[date]) -> Pair:
        """Distinct active and passive users of these days; None unless each is covered."""
        wanted = list(days)
        asked, unasked = union(self.active, wanted), union(self.passive, wanted)
        if asked is None or unasked is None:
            return None, None
        return len(asked), len(unasked - asked)


REVIEW_KINDS = DayUsers.Kind.CODE_REVIEW_ACTIVE.value, DayUsers.Kind.CODE_REVIEW_PASSIVE.value
# What the counts of `review_users` are stored as.
STORED_AS = "review:active", "review:passive"


# GitHub's own counts of them.
OWN_NAMES = [
    f"{often}_{word}_copilot_code_review_users"
    for often in ("daily", "weekly", "monthly")
    for word in ("active", "passive")
]


def code_review(scope: Scope, period: Period) -> CodeReview:
    """The users of code review of a period: in it, and in the 28 days that end with each of its days."""
    stored = stored_counts(scope, period, STORED_AS)
    if stored is None:
        counted = review_users(scope, period)
    else:
        pairs = zip(period, *stored, strict=True)
        counted = {day: ReviewUsers(ActiveUsers(*one), ActiveUsers(*other)) for day, one, other in pairs}
    sets = day_sets_of(scope, period, REVIEW_KINDS, in_sum=True)
    is_whole = all(
        None not in (users.daily, users.weekly, users.monthly) for day in counted.values() for users in day
    )
    # GitHub's own are asked for where people do not tell all of it.
    records = {} if is_whole or scope.team is not None else day_records(scope, period, *OWN_NAMES)
    return CodeReview(sets[REVIEW_KINDS[0]], sets[REVIEW_KINDS[1]], counted, records)


def review_users(scope: Scope, period: Period) -> Mapping[date, ReviewUsers]:
    """Of each day, from people alone."""
    reach = Period(period.first - timedelta(days=MONTH - 1), period.last)
    sets = day_sets_of(scope, reach, REVIEW_KINDS)
    active, passive = ([sets[kind].get(day) for day in reach] for kind in REVIEW_KINDS)
    counts: list[list[tuple[int, int] | None]] = []
    for length in (DAY, WEEK, MONTH):
        unions = zip(trailing_unions(active, length), trailing_unions(passive, length), strict=True)
        counts.append(
            [
                None if asked is None or unasked is None else (len(asked), len(unasked - asked))
                for asked, unasked in unions
            ]
        )
    found = {}
    for day, *windows in zip(reach, *counts, strict=True):
        if day in period:
            one, other = zip(*((None, None) if each is None else each for each in windows), strict=True)
            found[day] = ReviewUsers(ActiveUsers(*one), ActiveUsers(*other))
    return found


# --- Repositories ------------------------------------------------------------------------------


class RepositoryFigures(NamedTuple):
    """A repository over a period; its name and visibility are those of its newest day."""

    repo_id: int
    name: str
    visibility: str
    newest: date
    counts: PullRequests


def repositories(
    account: Account, period: Period, days: Collection[date] | None = None, top: int = 25
) -> list[RepositoryFigures]:
    """The repositories with the most pull requests created, reviewed and merged, in two queries.

    A pull request counts once for each of the three, and once for each day on which it was reviewed.
    """
    rows = _repository_days(account, period, days)
    totals = rows.values("repo_id").annotate(
        newest=Max("day"), **{f"sum_{name}": Sum(name) for name in PULL_REQUEST_COUNTERS}
    )
    activity = sum(
        (
            Coalesce(F(f"sum_{name}"), Value(0))
            for name in ("total_created", "total_reviewed", "total_merged")
        ),
        start=Value(0),
    )
    ranked = list(
        totals.annotate(activity=activity)
        .order_by("-activity", "repo_id")
        .values_list("repo_id", "newest", *(f"sum_{name}" for name in PULL_REQUEST_COUNTERS))[:top]
    )
    if not ranked:
        return []
    newest_rows = reduce(or_, (Q(repo_id=repo_id, day=newest) for repo_id, newest, *_ in ranked))
    names = {
        row.repo_id: row
        for row in RepositoryDay.objects.filter(newest_rows, account=account).only(
            "repo_id", "repo_owner_name", "repo_name", "repo_visibility"
        )
    }
    return [
        RepositoryFigures(
            repo_id, names[repo_id].full_name, names[repo_id].repo_visibility, newest, PullRequests(*counts)
        )
        for repo_id, newest, *counts in ranked
    ]


def _repository_days(account: Account, period: Period, days: Collection[date] | None) -> Any:
    rows = RepositoryDay.objects.filter(account=account, day__range=(period.first, period.last)).order_by()
    return rows if days is None or len(days) == len(period) else rows.filter(day__in=list(days))


class ReviewTimes(NamedTuple):
    """How long reviews of a day's merged pull requests took: medians and 90th percentiles, in minutes."""

    repo_id: int
    day: date
    authored_by: str
    reviewed_by: str
    merged: int | None
    minutes: Mapping[str, float | None]


def review_times(account: Account, repo_ids: Sequence[int], period: Period) -> list[ReviewTimes]:
    """Of each repository the newest day, of the period's last 28, that tells of review times.

    Medians of several days do not add up to one of all of them: that is why it is a single day's.
    """
    last = Period(max(period.first, period.last - timedelta(days=MONTH - 1)), period.last)
    rows = RepositoryDay.objects.filter(
        account=account, repo_id__in=list(repo_ids), day__range=(last.first, last.last)
    )
    found: dict[int, list[ReviewTimes]] = {}
    for repo_id, day, blob in rows.order_by("-day").values_list("repo_id", "day", "blob").iterator():
        times = None if repo_id in found else breakdowns.unpack(blob).get("pull_request_review_times")
        if times:
            found[repo_id] = [
                ReviewTimes(
                    repo_id,
                    day,
                    str(entry.get("authored_by") or ""),
                    str(entry.get("reviewed_by") or ""),
                    entry.get("total_merged"),
                    {name: entry.get(name) for name in REVIEW_TIMES},
                )
                for entry in times
            ]
    return [each for repo_id in repo_ids for each in found.get(repo_id, [])]
