"""Adoption: who of those with a seat uses it, in which ways, how soon, and who comes and goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from metrics.dashboards.adopted import (
    ACTIVE,
    AGENT,
    adoption_in_words,
    agent_shares,
    seat_use,
    why_no_adoption,
)
from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Linked, Panel, Row, Value
from metrics.dashboards.registry import page
from metrics.dashboards.rows_behind import days_url, linked, people_url
from metrics.dashboards.wording import listed, moved, several
from metrics.figures import day_sets_of, distinct_on, ratio
from metrics.figures.coming_and_going import ComingAndGoing, coming_and_going
from metrics.figures.distinct import counts_by_month, counts_over
from metrics.figures.first_use import ACTIVATED_WITHIN, Cohort, cohorts
from metrics.figures.seats_and_use import seats_and_use
from metrics.models import DayUsers
from metrics.periods import Period
from seats.cards import seats_url
from seats.models import Account
from seats.savings import next_month

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
CONCEPTS = "https://docs.github.com/en/copilot/concepts/copilot-usage-metrics"
SEATS_API = "https://docs.github.com/en/rest/copilot/copilot-user-management"
SEE_SEATS = "seats.view_seat"
SOON = 7
# More months than these are counted, not named.
NAMED_MONTHS = 3

KINDS = {
    DayUsers.Kind.CHAT: "Chat",
    DayUsers.Kind.AGENT: "Agent",
    DayUsers.Kind.VSCODE_AGENT: "VS Code agents",
    DayUsers.Kind.CLI: "CLI",
    DayUsers.Kind.CLOUD_AGENT: "Cloud agent",
    DayUsers.Kind.APP: "Copilot app",
    DayUsers.Kind.CODE_REVIEW_ACTIVE: "Code review, asked for",
    DayUsers.Kind.CODE_REVIEW_PASSIVE: "Code review, unasked",
}

adoption = page("adoption", "Adoption", "group_add", order=20)


# --- Use against seats ------------------------------------------------------------------------


@adoption.panel(
    "seats",
    "Adoption of seats",
    definition="The people who hold a seat at the end of the period and were active in it ÷ all who hold "
    "one. Use is attributed to every organization a person belongs to, a seat to whoever granted it: for an "
    "organization only people with a seat that it granted count, above and below; an enterprise counts a "
    "person once; of a team its members of the last day count, whoever granted their seats.",
    source=CONCEPTS,
    permission=SEE_SEATS,
    wide=True,
)
def adoption_of_seats(asked: Asked) -> Panel:
    now, then = seat_use(asked)
    if now.holders is None and now.active is None:
        return Panel()
    return Panel(
        headlines=[
            Headline(
                "Adoption",
                now.adoption,
                Kind.RATE,
                before=then.adoption,
                note=why_no_adoption(asked, now)
                or f"{now.active_holders:,} of {several(now.holders or 0, 'person', 'people')} with a seat",
            ),
            Headline(
                "People with a seat",
                now.holders,
                before=then.holders,
                url="" if asked.scope.team else seats_url(asked.scope.account),
                note=f"at the end of {asked.period.last}",
            ),
            Headline(
                "Active, with a seat",
                now.active_holders,
                before=then.active_holders,
                url=people_url(asked.scope, asked.period.first, asked.period.last),
                note="over the period",
            ),
            Headline(
                "Active, without such a seat",
                now.active_elsewhere,
                before=then.active_elsewhere,
                url=people_url(asked.scope, asked.period.first, asked.period.last),
                note="granted elsewhere, or ended since; not in the share",
            ),
        ],
    )


@adoption.panel(
    "seats-over-time",
    "Active people against seats",
    definition="Who holds a seat at the end of the day, week or month, and who of them was active in it; "
    "counted as above. Of days before the first seat list nothing is told: whoever had lost a seat by then "
    "is in no list. Active people without such a seat stand apart.",
    source=CONCEPTS,
    permission=SEE_SEATS,
    wide=True,
)
def seats_over_time(asked: Asked) -> Panel:
    figures = seats_and_use(asked.scope, asked.period)

    def values(bucket: Bucket) -> Row:
        found = figures.over(bucket.days)
        url = people_url(asked.scope, bucket.days[0], bucket.last)
        return [
            found.holders,
            linked(found.active_holders, url),
            found.adoption,
            linked(found.active_elsewhere, url),
        ]

    columns = [
        Column("seats", "People with a seat"),
        Column("active", "Active, with a seat"),
        Column("adoption", "Adoption", Kind.RATE),
        Column("elsewhere", "Active, without such a seat"),
    ]
    since = figures.listed_since
    note = f"Seats are known from {since} on." if since and since > asked.period.first else ""
    if since is None:
        note = "No seat list was taken in."
    return asked.over_time(columns, values, Drawing(Form.LINES, ["seats", "active"]), note=note)


# --- Ways of use ------------------------------------------------------------------------------


@adoption.panel(
    "kinds-over-time",
    "Active users by kind of use",
    definition="Distinct people of the day, week or month by what the reports of people flag: somebody who "
    "does several things counts in each. A kind that reports did not tell of yet counts nobody; being "
    "reviewed unasked is no use of one's own.",
    source=METRICS,
    wide=True,
)
def kinds_over_time(asked: Asked) -> Panel:
    kinds = (ACTIVE, *KINDS)
    buckets = asked.buckets()
    counts = counts_over(asked.scope, asked.period, kinds, [bucket.days for bucket in buckets])
    over = {
        bucket: people for bucket, *people in zip(buckets, *(counts[kind] for kind in kinds), strict=True)
    }

    def values(bucket: Bucket) -> Row:
        active, *others = over[bucket]
        return [linked(active, people_url(asked.scope, bucket.days[0], bucket.last)), *others]

    columns = [Column("active", "Active"), *(Column(kind.value, words) for kind, words in KINDS.items())]
    return asked.over_time(columns, values, Drawing(Form.LINES, [kind.value for kind in KINDS]))


@adoption.panel(
    "kinds",
    "People by kind of use",
    definition="Distinct people over the whole period by what the reports of people flag, and their share of "
    "all who were active. No number unless every day of the period was taken in.",
    source=METRICS,
)
def kinds(asked: Asked) -> Panel:
    before = asked.before
    reach = Period(before.first if before else asked.period.first, asked.period.last)
    sets = day_sets_of(asked.scope, reach, [ACTIVE, *KINDS], in_sum=True)
    days, days_before = asked.days(), asked.days(before) if before else []
    active = distinct_on(sets[ACTIVE], days)
    if active is None or not days:
        return Panel(empty="Not every day of the period was taken in.")
    found = {kind: distinct_on(sets[kind], days) for kind in KINDS}
    ranked = sorted(KINDS, key=lambda kind: -(found[kind] or 0))
    columns = [
        Column("kind", "Kind of use", Kind.TEXT),
        Column("people", "People"),
        Column("share", "Share of active people", Kind.RATE),
    ]
    rows: list[list[Value | Linked]] = [
        [KINDS[kind], found[kind], ratio(found[kind], active)] for kind in ranked
    ]
    if before:
        columns.append(Column("before", "People before"))
        for row, kind in zip(rows, ranked, strict=True):
            row.append(distinct_on(sets[kind], days_before))
    return Panel(
        columns=columns,
        rows=rows,
        drawing=Drawing(Form.RANKED, ["people"]),
        note=f"{several(active, 'person', 'people')} active in all.",
    )


@adoption.panel(
    "agents",
    "Agent adoption",
    definition="The share of the people active in a calendar month who used an agent in it, as GitHub's "
    "dashboard has it; weekends always count. A month with a day that was not taken in has no share.",
    source=METRICS,
)
def agents(asked: Asked) -> Panel:
    rows: list[Row] = []
    months, counts = counts_by_month(asked.scope, asked.period, [ACTIVE, AGENT])
    for month, active, agent in zip(months, counts[ACTIVE], counts[AGENT], strict=True):
        url = days_url(asked.scope, month.first, month.last)
        rows.append([f"{month.first:%Y-%m}", ratio(agent, active), linked(agent, url), linked(active, url)])
    last_day = asked.period.last
    is_whole = next_month(last_day) == last_day + timedelta(days=1)
    (agent, active), (agent_before, active_before) = agent_shares(asked)
    return Panel(
        columns=[
            Column("month", "Month", Kind.DAY),
            Column("adoption", "Agent adoption", Kind.RATE),
            Column("agent", "Used an agent"),
            Column("active", "Active"),
        ],
        rows=rows if any(row[3] is not None for row in rows) else [],
        drawing=Drawing(Form.BARS, ["adoption"]),
        headlines=[
            Headline(
                "Agent adoption, over the period",
                ratio(agent, active),
                Kind.RATE,
                before=ratio(agent_before, active_before),
                url=days_url(asked.scope, asked.period.first, last_day),
            )
        ]
        if agent is not None
        else [],
        note="" if is_whole else f"{last_day:%Y-%m} is counted up to {last_day}.",
    )


# --- From seat to use -------------------------------------------------------------------------


@adoption.panel(
    "first-use",
    "Time to first use, by month of assignment",
    definition="People by the month in which a seat was granted to them (GitHub tells the last grant; of "
    "several seats the first), and how many days later a usage report first shows them. The activation rate "
    f"is the share who used it within {ACTIVATED_WITHIN} days; there is none while those are not over, or "
    "where a day since the grant was not taken in. Without a report of every day, whoever was not seen is "
    "unknown.",
    source=SEATS_API,
    permission=SEE_SEATS,
    wide=True,
)
def first_use(asked: Asked) -> Panel:
    found = [cohort for cohort in cohorts(asked.scope, asked.period.last) if cohort.assigned]
    return Panel(
        columns=[
            Column("month", "Assigned in", Kind.DAY),
            Column("assigned", "People"),
            Column("rate", "Activation rate", Kind.RATE),
            Column("within_7", f"Used within {SOON} days"),
            Column("within_30", f"Used within {ACTIVATED_WITHIN} days"),
            Column("used", "Used so far"),
            Column("unused", "No use seen"),
            Column("unknown", "Unknown"),
            Column("half_after", "Half had used it after days"),
        ],
        rows=[
            [
                f"{cohort.month:%Y-%m}",
                linked(cohort.assigned, _granted_url(asked, cohort)),
                cohort.activation_rate,
                cohort.within(SOON),
                cohort.within(ACTIVATED_WITHIN),
                cohort.used,
                cohort.unused,
                cohort.unknown,
                cohort.half_after,
            ]
            for cohort in found
        ],
        drawing=Drawing(Form.BARS, ["rate"]),
        note=censored_in_words(found),
        empty="No seat list tells of a seat granted in the twelve months up to these days.",
    )


def _granted_url(asked: Asked, cohort: Cohort) -> str:
    """The seats granted in the month; an enterprise's and a team's people are not a list of seats."""
    if asked.scope.team is not None or asked.scope.account.kind == Account.Kind.ENTERPRISE:
        return ""
    last = next_month(cohort.month)
    moments = {"created_at__gte": f"{cohort.month}T00:00:00Z", "created_at__lt": f"{last}T00:00:00Z"}
    return seats_url(asked.scope.account, held="all", **moments)


def censored_in_words(cohorts: Sequence[Cohort]) -> str:
    """Which months have no rate, and why."""
    without = [cohort for cohort in cohorts if cohort.activation_rate is None]
    young = [f"{cohort.month:%Y-%m}" for cohort in without if not cohort.has_gap]
    gaps = [f"{cohort.month:%Y-%m}" for cohort in without if cohort.has_gap]
    said = []
    if young:
        said.append(f"No rate yet for {listed(young)}: {ACTIVATED_WITHIN} days are not over for everybody.")
    if gaps:
        months = (
            listed(gaps) if len(gaps) <= NAMED_MONTHS else f"{len(gaps)} months from {gaps[0]} to {gaps[-1]}"
        )
        said.append(f"No rate for {months}: not every day since was taken in.")
    return " ".join(said)


# --- Coming and going -------------------------------------------------------------------------


@adoption.panel(
    "coming-and-going",
    "New, returning and lapsed people",
    definition="Distinct people of the period against those of the period before. New: seen on no earlier "
    "day that was taken in. Back: not in the period before, but earlier. Lapsed: in the period before, not "
    "in this one. Shares of stayed and lapsed are of those active before, the others of those active now.",
    source=METRICS,
)
def people_coming_and_going(asked: Asked) -> Panel:
    found = _coming_and_going(asked)
    if found.stayed is None:
        return Panel(empty="Not every day of the period and of the one before was taken in.")
    groups: list[tuple[str, int | None, int | None]] = [
        ("Stayed", found.stayed, found.active_before),
        ("New", found.new, found.active),
        ("Back after a break", found.returned, found.active),
        ("Lapsed", found.lapsed, found.active_before),
    ]
    return Panel(
        columns=[
            Column("group", "Group", Kind.TEXT),
            Column("people", "People"),
            Column("share", "Share", Kind.RATE),
        ],
        rows=[[group, people, ratio(people, whole)] for group, people, whole in groups],
        drawing=Drawing(Form.RANKED, ["people"]),
        note=f"{found.active:,} active now, {found.active_before:,} before. Known since {found.since}.",
    )


def _coming_and_going(asked: Asked) -> ComingAndGoing:
    return coming_and_going(asked.scope, asked.days(), asked.days(asked.before or asked.period.before()))


# --- Words ------------------------------------------------------------------------------------


@adoption.opens_with
def words(asked: Asked) -> list[str]:
    (agent, active), (agent_before, active_before) = agent_shares(asked)
    since = f"against the {several(len(asked.before or asked.period), 'day', 'days')} before"
    said = [
        moved("Agent use", ratio(agent_before, active_before), ratio(agent, active), since),
        going_in_words(_coming_and_going(asked), since),
    ]
    if asked.user.has_perm(SEE_SEATS):
        said.insert(0, adoption_in_words(asked, seat_use(asked)[0]))
    said = [sentence for sentence in said if sentence]
    if active is None and len(said) < 2:
        said.append("Not every day of the period was taken in, so its people are not counted.")
    return said


def going_in_words(found: ComingAndGoing, since: str) -> str:
    """How many came and how many lapsed; nothing where it is not known."""
    if found.new is None or found.returned is None or found.lapsed is None:
        return ""
    if not (found.new or found.returned or found.lapsed):
        return f"The same people were active ({since})." if found.stayed else ""
    new = several(found.new, "person is new", "people are new")
    return f"{new}, {found.returned:,} came back and {found.lapsed:,} lapsed ({since})."
