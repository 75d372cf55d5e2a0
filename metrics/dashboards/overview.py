"""Overview: how many use Copilot, how much, and whether that grows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from metrics.dashboards.adopted import adoption_in_words, agent_shares, seat_use, why_no_adoption
from metrics.dashboards.asked import Asked, Bucket, By
from metrics.dashboards.names import label
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Linked, Panel, Value
from metrics.dashboards.registry import page
from metrics.dashboards.rows_behind import days_url, linked, people_url
from metrics.dashboards.wording import moved, several
from metrics.figures import (
    ActiveUsers,
    DayTotals,
    Sums,
    acceptance_rate,
    breakdown,
    day_totals,
    ratio,
    total,
)
from metrics.figures.active_together import active_together, daily_average, stickiness
from metrics.figures.by_name import is_told
from metrics.figures.days import newest_told_day
from metrics.figures.weeks import weeks
from metrics.models import DayUsers
from metrics.periods import WEEK, Period
from seats.cards import seats_url

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
CONCEPTS = "https://docs.github.com/en/copilot/concepts/copilot-usage-metrics"
GUIDE = (
    "https://docs.github.com/en/copilot/rolling-out-github-copilot-at-scale/analyzing-usage-over-time-with-"
    "the-copilot-metrics-api"
)
ACTIVE, AGENT = DayUsers.Kind.ACTIVE.value, DayUsers.Kind.AGENT.value
SEE_SEATS = "seats.view_seat"

overview = page("overview", "Overview", "dashboard", order=10)


# --- Figures of the page ----------------------------------------------------------------------


def weeks_before(day: date, period: Period) -> date:
    """The same day of the week, as many whole weeks earlier as the period is long, or a little more."""
    return day - timedelta(days=-(-len(period) // WEEK) * WEEK)


def active_then_and_now(asked: Asked) -> tuple[date | None, ActiveUsers, ActiveUsers]:
    """The newest told day of the period, its active users, and those of the same weekday before."""
    day = newest_told_day(asked.scope, asked.days())
    if day is None:
        return None, ActiveUsers(None, None, None), ActiveUsers(None, None, None)
    then = weeks_before(day, asked.period)
    now = active_together(asked.scope, Period(day, day))[day]
    return day, now, active_together(asked.scope, Period(then, then))[then]


# --- Headlines --------------------------------------------------------------------------------


@overview.panel(
    "active-now",
    "Active users",
    definition="Distinct people on the newest day that was taken in, and in the 7 and 28 days that end with "
    "it: GitHub's own number where the account's report tells it, else counted from its people. Compared "
    "with the same weekday a whole number of weeks earlier. Agent use is the share of the people active in "
    "the period who used an agent in it.",
    source=METRICS,
    wide=True,
)
def active_now(asked: Asked) -> Panel:
    day, now, then = active_then_and_now(asked)
    (agent, active), (agent_before, active_before) = agent_shares(asked)
    if day is None:
        return Panel()
    against = f"against {weeks_before(day, asked.period)}"
    people, days = people_url(asked.scope, day), days_url(asked.scope, asked.period.first, asked.period.last)
    return Panel(
        headlines=[
            Headline(
                "Daily active users", now.daily, before=then.daily, url=people, note=f"{day}, {against}"
            ),
            Headline(
                "Weekly active users",
                now.weekly,
                before=then.weekly,
                url=days,
                note=f"7 days up to {day}, {against}",
            ),
            Headline(
                "Monthly active users",
                now.monthly,
                before=then.monthly,
                url=days,
                note=f"28 days up to {day}, {against}",
            ),
            Headline(
                "Agent use",
                ratio(agent, active),
                Kind.RATE,
                before=ratio(agent_before, active_before),
                url=days,
                note="of active people, over the period",
            ),
        ],
    )


@overview.panel(
    "use-now",
    "Use",
    definition="Sums over the days of the period that were taken in, each from GitHub's own record where "
    "there is one: prompts people sent, code that was proposed and how much of it was accepted (sums first, "
    "then divided), lines added. Compared with the period before where every day of both is there.",
    source=METRICS,
    wide=True,
)
def use_now(asked: Asked) -> Panel:
    before = asked.before or asked.period.before()
    totals = day_totals(asked.scope, Period(before.first, asked.period.last))
    told, told_before = list(asked.only_asked(totals)), list(asked.only_asked(totals, before))
    if not told:
        return Panel()
    is_whole = len(told) == len(asked.days()) and len(told_before) == len(asked.days(before))
    now, then = _added(told), _added(told_before) if is_whole else Sums()
    url = days_url(asked.scope, asked.period.first, asked.period.last)
    covered = f"over {len(told)} of {several(len(asked.days()), 'day', 'days')}"
    return Panel(
        headlines=[
            Headline(
                "Interactions",
                now.user_initiated_interaction_count,
                before=then.user_initiated_interaction_count,
                url=url,
                note=covered,
            ),
            Headline(
                "Acceptance rate",
                _accepted(now),
                Kind.RATE,
                before=_accepted(then),
                url=url,
                note="acceptances ÷ generations",
            ),
            Headline("Lines added", now.loc_added_sum, before=then.loc_added_sum, url=url, note=covered),
        ],
    )


def _added(days: Iterable[DayTotals]) -> Sums:
    return Sums.of(day.counters for day in days)


def _accepted(sums: Sums) -> Value:
    return acceptance_rate(sums.code_acceptance_activity_count, sums.code_generation_activity_count)


@overview.panel(
    "seats-now",
    "Adoption of seats",
    definition="The people who hold a seat at the end of the period and were active in it ÷ all who hold "
    "one. For an organization only seats that it granted itself count, above and below: use is attributed "
    "to every organization a person belongs to, a seat to whoever granted it. An enterprise counts a person "
    "once; of a team its members of the last day count, whoever granted their seats.",
    source=CONCEPTS,
    permission=SEE_SEATS,
)
def seats_now(asked: Asked) -> Panel:
    now, then = seat_use(asked)
    if now.holders is None:
        return Panel(empty=why_no_adoption(asked, now))
    return Panel(
        headlines=[
            Headline(
                "Adoption",
                now.adoption,
                Kind.RATE,
                before=then.adoption,
                note=why_no_adoption(asked, now)
                or f"{now.active_holders:,} of {several(now.holders, 'person', 'people')} with a seat",
            ),
            Headline(
                "People with a seat",
                now.holders,
                before=then.holders,
                url="" if asked.scope.team else seats_url(asked.scope.account),
                note=f"at the end of {asked.days()[-1]}",
            ),
        ],
    )


# --- Over time --------------------------------------------------------------------------------


@overview.panel(
    "active-users",
    "Daily, weekly and monthly active users",
    definition="Distinct people on the day, and in the 7 and 28 days that end with it; by week or month, the "
    "average of its days and the 7 and 28 days that end with its last one. GitHub's own number where the "
    "account's report tells it, else counted from its people; a window with a missing day is a gap.",
    source=METRICS,
    wide=True,
)
def active_users(asked: Asked) -> Panel:
    days = active_together(asked.scope, asked.period)

    def values(bucket: Bucket) -> list[Value | Linked]:
        last = days[bucket.last]
        url = people_url(asked.scope, bucket.days[0], bucket.last)
        return [linked(_daily(days, bucket), url), last.weekly, last.monthly]

    columns = [
        Column("daily", "Daily", Kind.COUNT if asked.by == By.DAY else Kind.DECIMAL),
        Column("weekly", "Weekly"),
        Column("monthly", "Monthly"),
    ]
    return asked.over_time(columns, values, Drawing(Form.LINES, ["daily", "weekly", "monthly"]))


def _daily(days: Mapping[date, ActiveUsers], bucket: Bucket) -> int | Decimal | None:
    """The day's own count, or the average of several days."""
    if len(bucket.days) == 1:
        return days[bucket.last].daily
    return daily_average(days[day] for day in bucket.days)


@overview.panel(
    "stickiness",
    "Stickiness",
    definition="Which share of the people of a week, and of 28 days, is active on a day: daily ÷ weekly and "
    "daily ÷ monthly active users, as the panel above has them. Near 100 % everybody comes every day.",
    source=METRICS,
)
def sticky(asked: Asked) -> Panel:
    days = active_together(asked.scope, asked.period)

    def values(bucket: Bucket) -> list[Value]:
        daily, last = _daily(days, bucket), days[bucket.last]
        return [stickiness(daily, last.weekly), stickiness(daily, last.monthly)]

    columns = [
        Column("of_weekly", "Daily of weekly", Kind.RATE),
        Column("of_monthly", "Daily of monthly", Kind.RATE),
    ]
    return asked.over_time(columns, values, Drawing(Form.LINES, ["of_weekly", "of_monthly"]))


@overview.panel(
    "requests-per-user",
    "Average requests per active user",
    definition="Prompts people sent ÷ daily active users, both of the same day and source; over a week or "
    "month the sums of its days are divided: requests per person and active day.",
    source=METRICS,
)
def requests_per_user(asked: Asked) -> Panel:
    totals = day_totals(asked.scope, asked.period)

    def values(bucket: Bucket) -> list[Value | Linked]:
        told = bucket.among(totals)
        requests = None if told is None else _added(told).user_initiated_interaction_count
        person_days = None if told is None else _person_days(told)
        url = days_url(asked.scope, bucket.days[0], bucket.last)
        return [ratio(requests, person_days), linked(requests, url), person_days]

    columns = [
        Column("requests_per_user", "Requests per active user", Kind.DECIMAL),
        Column("requests", "Requests"),
        Column("active_days", "Active users, day by day"),
    ]
    return asked.over_time(columns, values, Drawing(Form.LINES, ["requests_per_user"]))


def _person_days(told: Iterable[DayTotals]) -> int | None:
    """Daily active users added up; None unless every day tells them."""
    counts = [day.daily_active_users for day in told]
    return None if None in counts else total(counts)


@overview.panel(
    "acceptance",
    "Code acceptance",
    definition="Acceptances ÷ generations, summed first; of everything, and of completions alone. Agents' "
    "edits are generations that nobody is asked to accept, so the first falls where agents are used. No "
    "rate where nothing was generated.",
    source=METRICS,
)
def acceptance(asked: Asked) -> Panel:
    totals = day_totals(asked.scope, asked.period)
    completions = breakdown(asked.scope, asked.period, "feature").only(feature="code_completion")

    def values(bucket: Bucket) -> list[Value | Linked]:
        told = bucket.among(totals)
        everything = Sums() if told is None else _added(told)
        is_offered = is_told(completions, bucket.days)
        alone = Sums.of(completions.totals(days=bucket.days).values()) if is_offered else Sums()
        url = days_url(asked.scope, bucket.days[0], bucket.last)
        return [
            _accepted(everything),
            _accepted(alone),
            linked(everything.code_generation_activity_count, url),
            linked(everything.code_acceptance_activity_count, url),
        ]

    columns = [
        Column("all", "Of everything", Kind.RATE),
        Column("completions", "Of completions", Kind.RATE),
        Column("generations", "Generations"),
        Column("acceptances", "Acceptances"),
    ]
    return asked.over_time(columns, values, Drawing(Form.LINES, ["all", "completions"]))


@overview.panel(
    "weekly-trend",
    "Weekly trend",
    definition="As GitHub's guide counts: the days there are, from the first of the period on, seven at a "
    "time, of one system each (the two older APIs come first); the average of their daily active and "
    "engaged users. Today's reports know no engaged users.",
    source=GUIDE,
)
def weekly_trend(asked: Asked) -> Panel:
    columns = [
        Column("first_day", "From", Kind.DAY),
        Column("last_day", "To", Kind.DAY),
        Column("days", "Days"),
        Column("active", "Average active users", Kind.DECIMAL),
        Column("engaged", "Average engaged users", Kind.DECIMAL),
        Column("source", "Source", Kind.TEXT),
    ]
    return Panel(
        columns=columns,
        rows=[
            [
                week.first_day,
                week.last_day,
                linked(week.days, days_url(asked.scope, week.first_day, week.last_day)),
                week.avg_active_users,
                week.avg_engaged_users,
                ", ".join(SYSTEMS[source] for source in week.source.split(";")),
            ]
            for week in weeks(asked.scope, asked.period)
        ],
        drawing=Drawing(Form.BARS, ["active", "engaged"]),
        note="Weekends are always in it." if not asked.weekends else "",
    )


SYSTEMS = {
    "legacy_metrics": "the older metrics API",
    "legacy_usage": "the older usage API",
    "report": "the account's report",
    "users": "its people",
}


@overview.panel(
    "features",
    "Use by feature",
    definition="What was asked, generated and accepted with each feature over the days that were taken in, "
    "each from GitHub's own record where there is one. Completions are not asked for; features need not add "
    "up to the totals.",
    source=METRICS,
)
def by_feature(asked: Asked) -> Panel:
    days = asked.days()
    found = breakdown(asked.scope, asked.period, "feature", in_sum=True).totals("feature", days=days)
    ranked = sorted(
        found.items(),
        key=lambda row: (
            -(row[1].user_initiated_interaction_count or 0),
            -(row[1].code_generation_activity_count or 0),
            row[0],
        ),
    )
    return Panel(
        columns=[
            Column("feature", "Feature", Kind.TEXT),
            Column("interactions", "Interactions"),
            Column("generations", "Generations"),
            Column("acceptances", "Acceptances"),
            Column("lines_added", "Lines added"),
        ],
        rows=[
            [
                label("feature", feature),
                sums.user_initiated_interaction_count,
                sums.code_generation_activity_count,
                sums.code_acceptance_activity_count,
                sums.loc_added_sum,
            ]
            for (feature,), sums in ranked
        ],
        drawing=Drawing(Form.RANKED, ["interactions", "generations"]),
        empty="No report of these days tells of features.",
    )


# --- Words ------------------------------------------------------------------------------------


@overview.opens_with
def words(asked: Asked) -> list[str]:
    day, now, then = active_then_and_now(asked)
    if day is None:
        return [f"No usage report of {asked.scope.label} tells of these days."]
    (agent, active), (agent_before, active_before) = agent_shares(asked)
    before = asked.before or asked.period.before()
    since = f"against the {several(len(before), 'day', 'days')} before"
    said = [
        monthly_in_words(day, now.monthly, weeks_before(day, asked.period), then.monthly),
        moved("Agent use", ratio(agent_before, active_before), ratio(agent, active), since),
    ]
    if asked.user.has_perm(SEE_SEATS):
        said.append(adoption_in_words(asked, seat_use(asked)[0]))
    return [sentence for sentence in said if sentence]


def monthly_in_words(day: date, now: int | None, earlier: date, then: int | None) -> str:
    """How many were active in 28 days, and whether that were more or fewer before; nothing where unknown."""
    if now is None:
        return ""
    people = several(now, "person was", "people were")
    sentence = f"{people} active in the 28 days up to {day}"
    if then is None:
        return f"{sentence}."
    if then == now:
        return f"{sentence}, as many as in those up to {earlier}."
    return (
        f"{sentence}, {abs(now - then):,} {'more' if now > then else 'fewer'} than in those up to {earlier}."
    )
