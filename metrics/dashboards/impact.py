"""Impact: the phases of adoption, how people move between them, and who comes, stays and goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal

from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel, Row, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import listed, moved, percent, several
from metrics.figures import day_sets, ratio
from metrics.figures.phases import (
    AVERAGES,
    AWAY,
    NO_COHORT,
    UNTOLD,
    Engagement,
    Lives,
    lives,
    phase_activity,
    phase_flow,
    phase_series,
)
from metrics.figures.told import covered as covered_of
from metrics.models import ReportDay
from metrics.periods import MONTH, Period

FIELDS = "https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
PHASES = "https://github.blog/changelog/2026-05-29-copilot-usage-metrics-api-adds-cohorts-for-ai-adoption/"

LABELS = {
    NO_COHORT: "No cohort (passive)",
    1: "Phase 1: code first",
    2: "Phase 2: one agent",
    3: "Phase 3: several agents",
    UNTOLD: "Phase not told",
    AWAY: "Not active",
}
UNKNOWN = (
    f"Phases can be told where each of {MONTH} days is covered person by person and GitHub tells phases, "
    "which it does since 29 May 2026."
)
NOTHING = "Nothing is known of these days of phases, or of who comes and goes."
AVERAGE_LABELS = {
    "avg_user_initiated_interactions": "Requests",
    "avg_code_generation_activities": "Generations",
    "avg_code_acceptance_activities": "Acceptances",
    "avg_loc_added": "Lines added",
    "avg_loc_deleted": "Lines deleted",
    "avg_pull_requests_created": "Pull requests created",
    "avg_pull_requests_reviewed": "Pull requests reviewed",
    "avg_pull_requests_merged": "Pull requests merged",
}

impact = page("impact", "Impact", "trending_up", order=130)


def phase_label(number: int) -> str:
    """A phase in words; one we have no words for by its number."""
    return LABELS.get(number, f"Phase {number}")


def phase_order(numbers: Iterable[int]) -> list[int]:
    """No cohort first, the phases upwards, then who is in none we know."""
    return sorted(set(numbers), key=lambda number: (number < 0, abs(number)))


def _name(number: int) -> str:
    return {UNTOLD: "untold", AWAY: "away"}.get(number, f"phase_{number}")


# --- The two ends ------------------------------------------------------------------------------


def _ends(asked: Asked) -> tuple[date, date] | None:
    """The last day of the period before, and the newest of this one that is covered; None: none is."""
    covered: Collection[date]
    if asked.scope.team is None:
        # Nearly always the last day is.
        last = Period(asked.period.last, asked.period.last)
        covered = _covered(asked, last) or _covered(asked, asked.period)
    else:
        # A team's day needs its membership as well.
        covered = day_sets(asked.scope, asked.period)
    if not covered:
        return None
    return (asked.before or asked.period.before()).last, max(covered)


def _covered(asked: Asked, period: Period) -> list[date]:
    return covered_of(asked.scope.account, period, ReportDay.Report.USERS)


def _periods(asked: Asked) -> tuple[Period, Period] | None:
    """The period up to its newest covered day, and the one before it."""
    ends = _ends(asked)
    if ends is None:
        return None
    now = Period(asked.period.first, ends[1])
    return asked.before or now.before(), now


# --- Phases ------------------------------------------------------------------------------------


@impact.panel(
    "phases",
    "Adoption phases over time",
    definition="Everybody with a line in the 28 days that end with the day (of a week or month: with its "
    "last day), by the newest phase GitHub told of them. Where those days are not all covered person by "
    "person, GitHub's own count.",
    source=PHASES,
    wide=True,
)
def phases(asked: Asked) -> Panel:
    series = phase_series(asked.scope, [bucket.last for bucket in asked.buckets()], asked.period)
    shown = phase_order(number for counts in series.values() for number in counts or {})

    def values(bucket: Bucket) -> Row:
        counts = series[bucket.last]
        if counts is None:
            return [None] * (len(shown) + 1)
        return [*(counts.get(number, 0) for number in shown), sum(counts.values())]

    columns = [Column(_name(number), phase_label(number)) for number in shown]
    drawing = Drawing(Form.SHARES, [column.name for column in columns])
    panel = asked.over_time([*columns, Column("people", "All")], values, drawing)
    return panel if panel.rows else Panel(empty=UNKNOWN)


@impact.panel(
    "phases-now",
    "Adoption phases at the end of the period",
    definition="People by phase as of the newest covered day of the period, and their share of everybody "
    "with a line in the 28 days up to it; the same as of the last day of the period before.",
    source=PHASES,
)
def phases_now(asked: Asked) -> Panel:
    ends = _ends(asked)
    series = phase_series(asked.scope, ends, asked.period) if ends else {}
    now = series[ends[1]] if ends else None
    if ends is None or now is None:
        return Panel(empty=UNKNOWN)
    before = series[ends[0]]
    whole, whole_before = sum(now.values()), sum(before.values()) if before else None
    rows: list[list[Value]] = []
    for number in phase_order([*now, *(before or {})]):
        people = now.get(number, 0)
        was = None if before is None else before.get(number, 0)
        rows.append([phase_label(number), people, ratio(people, whole), was, ratio(was, whole_before)])
    return Panel(
        [
            Column("phase", "Phase", Kind.TEXT),
            Column("people", "People"),
            Column("share", "Share", Kind.RATE),
            Column("before", "People before"),
            Column("share_before", "Share before", Kind.RATE),
        ],
        rows,
        Drawing(Form.RANKED, ["people"]),
        note=f"As of {ends[1]}, and before as of {ends[0]}.",
    )


@impact.panel(
    "engaged",
    "Engaged against passive",
    definition="Engaged: in phase 1 or above. Passive: in no cohort, that is active, but with no surface "
    "on two days of 28. The share is of both together.",
    source=PHASES,
)
def engaged(asked: Asked) -> Panel:
    series = phase_series(asked.scope, [bucket.last for bucket in asked.buckets()], asked.period)

    def values(bucket: Bucket) -> Row:
        counts = series[bucket.last]
        if counts is None:
            return [None] * 4
        split = Engagement.of(counts)
        return [split.engaged, split.passive, split.untold, ratio(split.engaged, split.told)]

    panel = asked.over_time(
        [
            Column("engaged", "Engaged"),
            Column("passive", "Passive"),
            Column("untold", "Phase not told"),
            Column("share", "Share engaged", Kind.RATE),
        ],
        values,
        Drawing(Form.SHARES, ["engaged", "passive"]),
    )
    return panel if panel.rows else Panel(empty=UNKNOWN)


@impact.panel(
    "flow",
    "From phase to phase",
    definition="Everybody with a line in the 28 days up to the end of the period before or of this one: a "
    "row for where they were, a column for where they are.",
    source=PHASES,
    wide=True,
)
def flow(asked: Asked) -> Panel:
    ends = _ends(asked)
    crossed = phase_flow(asked.scope, *ends) if ends else None
    if ends is None or crossed is None:
        return Panel(empty=UNKNOWN)
    was = phase_order(row for row, _ in crossed)
    is_now = phase_order(column for _, column in crossed)
    columns = [Column(_name(number), phase_label(number)) for number in is_now]
    rows: list[Row] = [
        [phase_label(row), *(crossed.get((row, column), 0) for column in is_now)] for row in was
    ]
    return Panel(
        [Column("before", "Before", Kind.TEXT), *columns],
        rows,
        Drawing(Form.HEAT, [column.name for column in columns]),
        note=f"Rows: as of {ends[0]}. Columns: as of {ends[1]}.",
    )


@impact.panel(
    "activity",
    "What people in a phase do",
    definition="GitHub's averages per person engaged in the phase and day; each day counts as often as "
    "people were engaged on it. Its averages of minutes do not add up and are left out.",
    source=FIELDS,
    wide=True,
)
def activity(asked: Asked) -> Panel:
    if asked.scope.team is not None:
        return Panel(empty="GitHub tells the averages of phases by organization and enterprise, not by team.")
    found = phase_activity(asked.scope, asked.period, asked.days())
    names = [name for name in AVERAGES if any(each.averages[name] is not None for each in found.values())]
    rows: list[Row] = [
        [phase_label(number), each.person_days, *(each.averages[name] for name in names), each.merged]
        for number, each in found.items()
    ]
    return Panel(
        [
            Column("phase", "Phase", Kind.TEXT),
            Column("person_days", "Person-days"),
            *(Column(name, AVERAGE_LABELS[name], Kind.DECIMAL) for name in names),
            Column("merged", "Pull requests merged, in sum"),
        ],
        rows,
        Drawing(Form.BARS, names[:1]) if names else None,
        empty="No report of the account itself tells the averages of phases on these days.",
    )


# --- Who comes, stays and goes -----------------------------------------------------------------

GROUPS = (
    ("retained", "Retained", "used it in both periods"),
    ("reactivated", "Reactivated", "used it in this period, not in the one before, but earlier"),
    ("new", "New", "used it in this period, and never before as far as our history goes"),
    ("lapsed", "Lapsed", "used it in the period before, not in this one"),
    ("reclaimed", "Reclaimed", "did not use it in this period, in which the seat was taken back here"),
    ("still_idle", "Still idle", "used it in neither, and held a seat when this period began"),
    ("not_yet", "Not yet", "used it in neither, and got the seat in this period"),
)


@impact.panel(
    "lives",
    "Who comes, stays and goes",
    definition="Everybody with a line in this period or the one before, and everybody who holds a seat or "
    "had it taken back: each in one group. Weekends count. Nobody is told where a day of either period is "
    "not covered.",
    source=FIELDS,
    wide=True,
)
def comes_and_goes(asked: Asked) -> Panel:
    periods = _periods(asked)
    found = lives(asked.scope, *periods, with_seats=_may_see_seats(asked)) if periods else None
    if periods is None or found is None:
        return Panel(empty="It is told only where every day of this period and of the one before is covered.")
    before, now = periods
    return Panel(
        [
            Column("group", "Group", Kind.TEXT),
            Column("people", "People"),
            Column("share", "Share of all", Kind.RATE),
            Column("meaning", "Who", Kind.TEXT),
        ],
        [
            [label, getattr(found, name), ratio(getattr(found, name), found.everybody), meaning]
            for name, label, meaning in GROUPS
        ],
        Drawing(Form.RANKED, ["people"]),
        note=_notes(asked, found, before, now),
    )


def _may_see_seats(asked: Asked) -> bool:
    return bool(asked.user.has_perm("seats.view_seat"))


def _notes(asked: Asked, found: Lives, before: Period, now: Period) -> str:
    said = [f"This period: {now.first} to {now.last}; before: {before.first} to {before.last}."]
    if not found.knows_earlier:
        said.append("Nobody is known from before it: some of the new may have used it earlier.")
    if not _may_see_seats(asked):
        said.append("Who holds a seat and does not use it is told to whoever may see seats.")
    elif found.still_idle is None:
        said.append("No seat of this account is known, so idle people are not told.")
    if asked.scope.team is not None:
        said.append("People count on the days they were in the team.")
    return " ".join(said)


# --- Words -------------------------------------------------------------------------------------


@impact.opens_with
def words(asked: Asked) -> list[str]:
    periods = _periods(asked)
    if periods is None:
        return [NOTHING]
    before, now = periods
    series = phase_series(asked.scope, [before.last, now.last], asked.period)
    since = f"{before.last} to {now.last}"
    found = lives(asked.scope, before, now, with_seats=_may_see_seats(asked))
    sentences = (
        engaged_share(series[before.last], series[now.last], since),
        comings_and_goings(found, len(before)),
        idle_seats(found),
    )
    return [sentence for sentence in sentences if sentence] or [NOTHING]


def engaged_share(before: Mapping[int, int] | None, now: Mapping[int, int] | None, since: str) -> str:
    """The engaged among those of whom GitHub tells a phase, and how that moved."""
    if now is None:
        return ""
    is_now, was = Engagement.of(now), Engagement.of(before or {})
    share, share_before = ratio(is_now.engaged, is_now.told), ratio(was.engaged, was.told)
    if share is None:
        return ""
    if share_before is None:
        return f"{_share(share)} of the people active in {MONTH} days are in phase 1 or above."
    return moved("The share of people in phase 1 or above", share_before, share, since)


def _share(rate: Decimal) -> str:
    said = percent(rate)
    return said[:1].upper() + said[1:]


def comings_and_goings(found: Lives | None, length: int) -> str:
    """How many of those who used Copilot before did so again, and who came."""
    if found is None:
        return ""
    came = [
        f"{count:,} {word}"
        for count, word in (
            (found.reactivated, "came back"),
            (found.new, "used it for the first time we know"),
        )
        if count
    ]
    if not found.used_before:
        return f"{listed(came)}." if came else ""
    again = percent(ratio(found.retained, found.used_before) or Decimal(0))
    people = several(found.used_before, "person who used", "people who used")
    said = f"Of {people} Copilot in the {several(length, 'day', 'days')} before, {again} did so again"
    return f"{said}; {listed(came)}." if came else f"{said}."


def idle_seats(found: Lives | None) -> str:
    """How many hold a seat and used it in neither period; nothing where nobody does, or seats are unknown."""
    if found is None or not found.still_idle:
        return ""
    return f"{several(found.still_idle, 'person holds', 'people hold')} a seat and used it in neither period."
