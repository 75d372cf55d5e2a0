"""Pull requests and code review: what Copilot takes part in, as GitHub counts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

from metrics.dashboards.asked import Asked, Bucket, By
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Linked, Panel, Row, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import moved, percent, several
from metrics.figures import total
from metrics.figures.pull_requests import (
    PullRequestDay,
    PullRequests,
    code_review,
    comment_types,
    pull_request_days,
    repositories,
    review_times,
    share_of,
)
from metrics.models import ReportDay
from metrics.periods import Period, covered_days
from portal.site import page_for

FIELDS = "https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
REPOSITORIES = "https://docs.github.com/rest/copilot/copilot-usage-metrics"

NOT_OF_TEAMS = "GitHub counts pull requests for organizations and enterprises, not for teams."
UNTOLD = "No report of these days tells of pull requests: they are in GitHub's own report of the account."
TOP = 25

Days = Mapping[date, PullRequestDay]

pull_requests = page("pull-requests", "Pull requests and code review", "merge", order=80)


# --- Days --------------------------------------------------------------------------------------


def _over_time(asked: Asked, fields: Mapping[str, str], form: Form) -> Panel:
    """A series per count, by its name on GitHub or here."""
    days, nothing = _days(asked)
    if nothing is not None:
        return nothing

    def values(bucket: Bucket) -> Row:
        told = bucket.among(days)
        return [None if told is None else _sum(told, name) for name in fields]

    columns = [Column(name, label) for name, label in fields.items()]
    return asked.over_time(columns, values, Drawing(form, list(fields)), note=_missing(asked, days))


def _days(asked: Asked) -> tuple[Days, Panel | None]:
    """The days told of, or the panel that says why there is none."""
    if asked.scope.team is not None:
        return {}, Panel(empty=NOT_OF_TEAMS)
    days = pull_request_days(asked.scope, asked.period)
    return days, None if any(asked.only_asked(days)) else Panel(empty=UNTOLD)


def _sum(days: Iterable[PullRequestDay], name: str) -> int | None:
    return total(getattr(day.counts, name) for day in days)


def _missing(asked: Asked, days: Days) -> str:
    """That some days are not told of; nothing where all are."""
    wanted = asked.days()
    known = sum(day in days for day in wanted)
    if known == len(wanted):
        return ""
    return f"GitHub told of pull requests on {known} of {len(wanted)} days: sums are of those."


def _counts(days: Iterable[PullRequestDay]) -> list[PullRequests]:
    return [day.counts for day in days]


def _before(asked: Asked) -> list[PullRequestDay] | None:
    """The period to compare with, where that is asked and every day of it is told."""
    if asked.before is None:
        return None
    days = pull_request_days(asked.scope, asked.before)
    wanted = asked.days(asked.before)
    return [days[day] for day in wanted] if all(day in days for day in wanted) else None


# --- Panels: pull requests ---------------------------------------------------------------------


@pull_requests.panel(
    "in-sum",
    "Created, reviewed and merged, and Copilot's part",
    definition="Sums of the days' counts. A pull request is created once and merged once, but counts as "
    "reviewed on every day on which it was. Copilot's share is summed first, over the days that tell both "
    "numbers.",
    source=FIELDS,
    wide=True,
)
def in_sum(asked: Asked) -> Panel:
    days, nothing = _days(asked)
    if nothing is not None:
        return nothing
    told = list(asked.only_asked(days))
    before = _before(asked)
    rows: list[list[Value]] = []
    for what, whole, part, people in (
        ("Created", "total_created", "total_created_by_copilot", "created_by_people"),
        ("Reviewed", "total_reviewed", "total_reviewed_by_copilot", ""),
        ("Merged", "total_merged", "total_merged_created_by_copilot", "merged_created_by_people"),
        ("Merged, reviewed by Copilot", "total_merged", "total_merged_reviewed_by_copilot", ""),
    ):
        row: list[Value] = [
            what,
            _sum(told, whole),
            _sum(told, part),
            _sum(told, people) if people else None,
            share_of(_counts(told), part, whole),
        ]
        if asked.before is not None:
            row += [
                None if before is None else _sum(before, whole),
                None if before is None else share_of(_counts(before), part, whole),
            ]
        rows.append(row)
    columns = [
        Column("what", "Pull requests", Kind.TEXT),
        Column("all", "All"),
        Column("by_copilot", "By Copilot"),
        Column("by_people", "By people"),
        Column("share", "Copilot's share", Kind.RATE),
    ]
    if asked.before is not None:
        columns += [Column("before", "All before"), Column("share_before", "Share before", Kind.RATE)]
    return Panel(columns, rows, Drawing(Form.BARS, ["all", "by_copilot"]), note=_missing(asked, days))


@pull_requests.panel(
    "over-time",
    "Pull requests over time",
    definition="Pull requests created, reviewed and merged on the days; one that is reviewed on several "
    "days counts on each.",
    source=FIELDS,
    wide=True,
)
def over_time(asked: Asked) -> Panel:
    fields = {"total_created": "Created", "total_reviewed": "Reviewed", "total_merged": "Merged"}
    return _over_time(asked, fields, Form.LINES)


@pull_requests.panel(
    "created-by",
    "Created by people and by Copilot",
    definition="Pull requests created by Copilot, and all others; none where GitHub does not tell Copilot's.",
    source=FIELDS,
)
def created_by(asked: Asked) -> Panel:
    fields = {"created_by_people": "By people", "total_created_by_copilot": "By Copilot"}
    return _over_time(asked, fields, Form.STACKED)


@pull_requests.panel(
    "merged-by",
    "Merged, by who created them",
    definition="Pull requests merged that Copilot had created, and all others.",
    source=FIELDS,
)
def merged_by(asked: Asked) -> Panel:
    fields = {
        "merged_created_by_people": "Created by people",
        "total_merged_created_by_copilot": "Created by Copilot",
    }
    return _over_time(asked, fields, Form.STACKED)


@pull_requests.panel(
    "shares",
    "Copilot's share over time",
    definition="Created by Copilot ÷ created, and reviewed by Copilot ÷ reviewed, summed first over the "
    "days put together.",
    source=FIELDS,
)
def shares(asked: Asked) -> Panel:
    days, nothing = _days(asked)
    if nothing is not None:
        return nothing
    columns = [
        Column("created", "Created by Copilot", Kind.RATE),
        Column("reviewed", "Reviewed by Copilot", Kind.RATE),
    ]

    def values(bucket: Bucket) -> Row:
        told = bucket.among(days)
        if told is None:
            return [None, None]
        return [
            share_of(_counts(told), "total_created_by_copilot", "total_created"),
            share_of(_counts(told), "total_reviewed_by_copilot", "total_reviewed"),
        ]

    drawing = Drawing(Form.LINES, ["created", "reviewed"])
    return asked.over_time(columns, values, drawing, note=_missing(asked, days))


@pull_requests.panel(
    "minutes-to-merge",
    "Median minutes to merge, per day",
    definition="From creation to merge, the median of the pull requests merged that day: of all, of those "
    "Copilot created, of those it reviewed. Medians of days do not make a median of a week, so it is "
    "always by day.",
    source=FIELDS,
    wide=True,
)
def minutes_to_merge(asked: Asked) -> Panel:
    days, nothing = _days(asked)
    if nothing is not None:
        return nothing
    columns = [
        Column("all", "All", Kind.MINUTES),
        Column("copilot_authored", "Created by Copilot", Kind.MINUTES),
        Column("copilot_reviewed", "Reviewed by Copilot", Kind.MINUTES),
    ]

    def values(bucket: Bucket) -> Row:
        day = days.get(bucket.last)
        if day is None:
            return [None] * len(columns)
        return [
            day.minutes_to_merge,
            day.minutes_to_merge_copilot_authored,
            day.minutes_to_merge_copilot_reviewed,
        ]

    panel = replace(asked, by=By.DAY).over_time(
        columns,
        values,
        Drawing(Form.LINES, [column.name for column in columns]),
        note="No point is a day without a merge, or one GitHub did not tell of.",
    )
    return panel if panel.rows else Panel(empty="Nothing was merged on the days that are told.")


# --- Panels: reviews ---------------------------------------------------------------------------


@pull_requests.panel(
    "suggestions",
    "Review suggestions and those applied",
    definition="Suggestions made in reviews on the days and those applied on them, by everybody and by "
    "Copilot; one may be applied on a later day than it was made.",
    source=FIELDS,
)
def suggestions(asked: Asked) -> Panel:
    return _over_time(
        asked,
        {
            "total_suggestions": "Suggestions",
            "total_applied_suggestions": "Applied",
            "total_copilot_suggestions": "Copilot's suggestions",
            "total_copilot_applied_suggestions": "Copilot's, applied",
        },
        Form.LINES,
    )


@pull_requests.panel(
    "comment-types",
    "Copilot's suggestions by type",
    definition="Copilot's review suggestions by the type of comment it gave them, those applied, and "
    "applied ÷ suggested over the days that tell both.",
    source=FIELDS,
)
def by_comment_type(asked: Asked) -> Panel:
    days, nothing = _days(asked)
    if nothing is not None:
        return nothing
    rows = [
        [_type_label(each.comment_type), each.suggested, each.applied, each.rate]
        for each in comment_types(asked.only_asked(days))
    ]
    return Panel(
        [
            Column("comment_type", "Type", Kind.TEXT),
            Column("suggested", "Suggested"),
            Column("applied", "Applied"),
            Column("rate", "Applied of suggested", Kind.RATE),
        ],
        rows,
        Drawing(Form.RANKED, ["suggested", "applied"]),
        note=_missing(asked, days),
        empty="GitHub told of no suggestions by type on these days.",
    )


def _type_label(comment_type: str) -> str:
    words = comment_type.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else "(no type)"


@pull_requests.panel(
    "review-users",
    "People who use code review",
    definition="Distinct people on the day and in the 7 and 28 days that end with it. Active: asked "
    "Copilot for a review or applied a suggestion. Passive: reviewed unasked and not active in the same "
    "days. For weeks and months, as of their last day.",
    source=FIELDS,
    wide=True,
)
def users_of_reviews(asked: Asked) -> Panel:
    told = code_review(asked.scope, asked.period)
    columns = [
        Column(f"{word}_{length}", f"{word.capitalize()}, {label}")
        for word in ("active", "passive")
        for length, label in (("day", "that day"), ("7_days", "7 days"), ("28_days", "28 days"))
    ]

    def values(bucket: Bucket) -> Row:
        active, passive = told.users_on(bucket.last)
        return [
            active.daily, active.weekly, active.monthly, passive.daily, passive.weekly, passive.monthly,
        ]  # fmt: skip

    panel = asked.over_time(columns, values, Drawing(Form.LINES, [column.name for column in columns]))
    if panel.is_empty:
        return Panel(empty="No report of these days tells who used code review.")
    asked_for, unasked = told.people(asked.days())
    if asked_for is None:
        return replace(panel, note="How many it was in the whole period can be told only if all days are.")
    was_active = was_passive = None
    if asked.before is not None:
        before = code_review(asked.scope, asked.before)
        was_active, was_passive = before.people(asked.days(asked.before))
    return replace(
        panel,
        headlines=[
            Headline("Active in the period", asked_for, before=was_active),
            Headline("Passive only", unasked, before=was_passive),
        ],
    )


# --- Panels: repositories ----------------------------------------------------------------------


@pull_requests.panel(
    "repositories",
    "Most active repositories",
    definition="The repositories with the most pull requests created, reviewed and merged together; only "
    "those with Copilot activity are in GitHub's report.",
    source=REPOSITORIES,
    wide=True,
    permission="metrics.view_repositoryday",
)
def most_active(asked: Asked) -> Panel:
    nothing = _no_repositories(asked)
    if nothing is not None:
        return nothing
    columns = [
        Column("repository", "Repository", Kind.TEXT),
        Column("visibility", "Visibility", Kind.TEXT),
        Column("created", "Created"),
        Column("created_by_copilot", "Created by Copilot"),
        Column("reviewed", "Reviewed"),
        Column("reviewed_by_copilot", "Reviewed by Copilot"),
        Column("merged", "Merged"),
        Column("merged_created_by_copilot", "Merged, created by Copilot"),
    ]
    url = page_for(asked.user, "admin:metrics_repositoryday_changelist", "metrics.view_repositoryday")
    rows: list[Row] = [
        [
            _to_rows(asked, url, repository.name),
            repository.visibility,
            repository.counts.total_created,
            repository.counts.total_created_by_copilot,
            repository.counts.total_reviewed,
            repository.counts.total_reviewed_by_copilot,
            repository.counts.total_merged,
            repository.counts.total_merged_created_by_copilot,
        ]
        for repository in repositories(asked.scope.account, asked.period, asked.days(), TOP)
    ]
    return Panel(
        columns,
        rows,
        Drawing(Form.RANKED, ["created", "reviewed", "merged"]),
        note=f"The first {TOP}." if len(rows) == TOP else "",
        empty="No repository had Copilot activity on the days that are told.",
    )


def _to_rows(asked: Asked, url: str, name: str) -> Value | Linked:
    """A repository's name, leading to its days."""
    if not url:
        return name
    asks = {
        "account__id__exact": asked.scope.account.pk,
        "day_from": asked.period.first,
        "day_to": asked.period.last,
        "q": name.rpartition("/")[2],
    }
    return Linked(name, f"{url}?{urlencode(asks)}")


def _no_repositories(asked: Asked) -> Panel | None:
    """The panel that says why nothing is known of repositories; None: something is."""
    if asked.scope.team is not None:
        return Panel(empty="GitHub tells of repositories by organization and enterprise, not by team.")
    if covered_days(asked.scope.account, ReportDay.Report.REPOSITORIES, asked.period):
        return None
    return Panel(empty="No report of repositories was taken in of these days.")


@pull_requests.panel(
    "review-times",
    "How long reviews take",
    definition="Minutes, of pull requests merged on the newest of the last 28 days that tells of the "
    "repository: GitHub's medians and 90th percentiles. Medians of several days do not add up.",
    source=REPOSITORIES,
    wide=True,
    permission="metrics.view_repositoryday",
)
def how_long_reviews_take(asked: Asked) -> Panel:
    nothing = _no_repositories(asked)
    if nothing is not None:
        return nothing
    top = repositories(asked.scope.account, asked.period, asked.days(), TOP)
    names = {repository.repo_id: repository.name for repository in top}
    columns = [
        Column("repository", "Repository", Kind.TEXT),
        Column("day", "Day", Kind.DAY),
        Column("authored_by", "Created by", Kind.TEXT),
        Column("reviewed_by", "Reviewed by", Kind.TEXT),
        Column("merged", "Merged"),
        Column("first_review", "To the first review", Kind.MINUTES),
        Column("final_review", "First to final review", Kind.MINUTES),
        Column("merge", "Final review to merge", Kind.MINUTES),
        Column("p90_first_review", "To the first review, 90 %", Kind.MINUTES),
        Column("p90_final_review", "First to final review, 90 %", Kind.MINUTES),
        Column("p90_merge", "Final review to merge, 90 %", Kind.MINUTES),
    ]
    rows = [
        [
            names[times.repo_id],
            times.day,
            times.authored_by,
            times.reviewed_by,
            times.merged,
            *times.minutes.values(),
        ]
        for times in review_times(asked.scope.account, list(names), asked.period)
    ]
    return Panel(columns, rows, empty="No report of these days tells how long reviews took.")


# --- Words -------------------------------------------------------------------------------------


@pull_requests.opens_with
def words(asked: Asked) -> list[str]:
    if asked.scope.team is not None:
        return [NOT_OF_TEAMS]
    before = asked.before or asked.period.before()
    days = pull_request_days(asked.scope, Period(before.first, asked.period.last))
    told = list(asked.only_asked(days))
    if not told:
        return [UNTOLD]
    earlier = list(asked.only_asked(days, before))
    is_whole = len(earlier) == len(asked.days(before))
    return [
        sentence
        for sentence in (
            created_and_merged(told, len(asked.days())),
            reviewed_share(told, earlier if is_whole else [], len(before)),
            applied_share(told),
        )
        if sentence
    ]


def created_and_merged(days: list[PullRequestDay], asked_days: int) -> str:
    """How many were created, Copilot's share of them, and how many were merged."""
    created, merged = _sum(days, "total_created"), _sum(days, "total_merged")
    if created is None:
        return ""
    said = f"{several(created, 'pull request was', 'pull requests were')} created"
    share = share_of(_counts(days), "total_created_by_copilot", "total_created")
    if share is not None:
        said += f", {percent(share)} of them by Copilot"
    if merged is not None:
        said += f", and {merged:,} merged"
    if len(days) < asked_days:
        said += f", on the {len(days)} of {asked_days} days that GitHub told of"
    return f"{said}."


def reviewed_share(days: list[PullRequestDay], before: list[PullRequestDay], length: int) -> str:
    """How large a part of the reviewed ones Copilot reviewed, and how that moved."""
    now = share_of(_counts(days), "total_reviewed_by_copilot", "total_reviewed")
    was = share_of(_counts(before), "total_reviewed_by_copilot", "total_reviewed")
    if now is None:
        return ""
    if was is None:
        return f"Copilot reviewed {percent(now)} of the pull requests that were reviewed."
    return moved(
        "Copilot's share of the reviewed", was, now, f"against the {several(length, 'day', 'days')} before"
    )


def applied_share(days: list[PullRequestDay]) -> str:
    """How much of what Copilot suggested in reviews was applied."""
    rate = share_of(_counts(days), "total_copilot_applied_suggestions", "total_copilot_suggestions")
    made = _sum(days, "total_copilot_suggestions")
    if rate is None or made is None:
        return ""
    return (
        f"Of {several(made, 'suggestion', 'suggestions')} in Copilot's reviews {percent(rate)} were applied."
    )
