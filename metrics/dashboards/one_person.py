"""The panels about one person: the same on the page of a person and on somebody's own page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.urls import reverse
from django.utils.text import capfirst

from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.names import label
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Linked, Panel, Row, Value
from metrics.dashboards.registry import Page
from metrics.dashboards.wording import percent, several
from metrics.figures import Sums, acceptance_rate, ratio
from metrics.figures.broken_down import Dimension
from metrics.figures.one_person import (
    PersonHistory,
    accounts_of_person,
    person_history,
    teams_of_person,
)
from metrics.periods import Period
from portal.site import page_for
from seats.models import Account, Evidence, GitHubUser, Seat
from seats.models.seat import Verdict
from seats.policy import Facts, Rule, evaluate
from seats.policy_sql import rule_of
from seats.verdicts import today

SOURCE = "https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
FLAG_WORDS = {
    "used_chat": "Chat",
    "used_agent": "Agent",
    "used_cli": "CLI",
    "used_copilot_cloud_agent": "Cloud agent",
    "used_copilot_app": "Copilot app",
    "used_vscode_agent": "Agent of VS Code",
    "used_copilot_code_review_active": "Code review asked for",
    "used_copilot_code_review_passive": "Code review unasked",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the panels are about, in whose reports; without a user, why there is nobody."""

    user: GitHubUser | None
    account: Account
    why_not: str = ""
    # Whether names of teams and accounts lead to their pages.
    has_links: bool = True


Who = Callable[[Asked], Subject]
Shows = Callable[[Asked, Subject, GitHubUser], Panel]


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    definition: str
    shows: Shows
    wide: bool = False
    source: str = SOURCE
    # Beyond that of the page, where somebody looks at others.
    permission: str = ""


def add_panels(page: Page, who: Who, *, own: bool = False) -> None:
    """Register every panel about a person on a page; `own`: readers only see themselves there."""
    for key, each in PANELS.items():
        page.panel(
            key,
            each.title,
            definition=each.definition,
            source=each.source,
            wide=each.wide,
            permission="" if own else each.permission,
        )(_about(who, each.shows))


def _about(who: Who, shows: Shows) -> Callable[[Asked], Panel]:
    def function(asked: Asked) -> Panel:
        subject = who(asked)
        if subject.user is None:
            return Panel(empty=subject.why_not)
        return shows(asked, subject, subject.user)

    return function


def _history(
    asked: Asked,
    subject: Subject,
    user: GitHubUser,
    period: Period | None = None,
    *,
    with_rest: bool = False,
) -> PersonHistory:
    """Of the days that count."""
    whole = person_history(subject.account, user, period or asked.period, with_rest=with_rest)
    return whole.among(asked.days(period))


# --- Panels -----------------------------------------------------------------------------------


def in_numbers(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    now = _history(asked, subject, user)
    if not now.days:
        return Panel()
    before = _history(asked, subject, user, asked.before) if asked.before else PersonHistory({})
    # Sums of before are shown where every day of then is told: else they would look like growth.
    days_before = asked.days(asked.before) if asked.before else []
    is_told = bool(days_before) and len(before.days) == len(days_before)
    pairs = _numbers(now), _numbers(before) if is_told else {}
    missing = len(asked.days()) - len(now.days)
    note = f"Of {several(missing, 'day', 'days')} there is no report: they count nowhere." if missing else ""
    return Panel(
        headlines=[
            Headline(name, value, kind, before=pairs[1][name][0] if is_told else None)
            for name, (value, kind) in pairs[0].items()
        ],
        note=note,
    )


def _numbers(history: PersonHistory) -> Mapping[str, tuple[Value, Kind]]:
    days = list(history.days)
    added = history.sums(days)
    return {
        "Active days": (history.active_days(days), Kind.COUNT),
        "Interactions": (added.user_initiated_interaction_count, Kind.COUNT),
        "Generations": (added.code_generation_activity_count, Kind.COUNT),
        "Acceptances": (added.code_acceptance_activity_count, Kind.COUNT),
        "Acceptance rate": (history.acceptance_rate(days), Kind.RATE),
        "Lines added": (added.loc_added_sum, Kind.COUNT),
        "Lines deleted": (added.loc_deleted_sum, Kind.COUNT),
        "AI credits": (history.ai_credits_used(days), Kind.DECIMAL),
    }


def by_day(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    history = _history(asked, subject, user)
    columns = [
        Column("interactions", "Interactions"),
        Column("generations", "Generations"),
        Column("acceptances", "Acceptances"),
        Column("acceptance_rate", "Acceptance rate", Kind.RATE),
        Column("lines_added", "Lines added"),
        Column("lines_deleted", "Lines deleted"),
        Column("active_days", "Active days"),
    ]

    def values(bucket: Bucket) -> Row:
        added = history.sums(bucket.days)
        return [
            added.user_initiated_interaction_count,
            added.code_generation_activity_count,
            added.code_acceptance_activity_count,
            history.acceptance_rate(bucket.days),
            added.loc_added_sum,
            added.loc_deleted_sum,
            history.active_days(bucket.days),
        ]

    return asked.over_time(
        columns, values, Drawing(Form.LINES, ["interactions", "generations", "acceptances"])
    )


def ways(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    history = _history(asked, subject, user)
    days = list(history.days)
    told = [(words, history.days_with(flag, days)) for flag, words in FLAG_WORDS.items()]
    rows = sorted(((words, on) for words, on in told if on is not None), key=lambda row: -row[1])
    return Panel(
        [Column("what", "What", Kind.TEXT), Column("days", "Days")],
        rows if history.lines else [],
        Drawing(Form.RANKED, ["days"]),
        empty=_unused(history),
    )


def _unused(history: PersonHistory) -> str:
    if not history.days:
        return "No report of these days was taken in."
    return "No report of these days has a line of this person." if not history.lines else "Not told."


def _by_name(dimension: Dimension, name: str, heading: str, *, has_interactions: bool) -> Shows:
    def shows(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
        history = _history(asked, subject, user, with_rest=True)
        totals = history.breakdown(dimension).totals(name)
        columns = [
            Column(name, heading, Kind.TEXT),
            Column("interactions", "Interactions"),
            Column("generations", "Generations"),
            Column("acceptances", "Acceptances"),
            Column("acceptance_rate", "Acceptance rate", Kind.RATE),
            Column("lines_added", "Lines added"),
            Column("lines_deleted", "Lines deleted"),
        ]
        rows = [
            [label(name, key), *_cells(added)]
            for (key,), added in sorted(totals.items(), key=lambda item: _most_first(item[0][0], item[1]))
        ]
        series = ["interactions", "generations", "acceptances"]
        if not has_interactions:
            # GitHub tells none by language.
            del columns[1]
            rows = [[row[0], *row[2:]] for row in rows]
            series = series[1:]
        empty = "" if history.lines else _unused(history)
        return Panel(
            columns, rows, Drawing(Form.RANKED, series), empty=empty or "The lines of these days tell none."
        )

    return shows


def _most_first(name: str, added: Sums) -> tuple[int, str]:
    counts = (added.user_initiated_interaction_count, added.code_generation_activity_count)
    return -sum(count or 0 for count in counts), name


def _cells(added: Sums) -> list[Value]:
    return [
        added.user_initiated_interaction_count,
        added.code_generation_activity_count,
        added.code_acceptance_activity_count,
        acceptance_rate(added.code_acceptance_activity_count, added.code_generation_activity_count),
        added.loc_added_sum,
        added.loc_deleted_sum,
    ]


def clients(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    history = _history(asked, subject, user, with_rest=True)
    return Panel(
        [
            Column("ide", "Editor", Kind.TEXT),
            Column("ide_version", "Version", Kind.TEXT),
            Column("plugin", "Plugin", Kind.TEXT),
            Column("plugin_version", "Plugin version", Kind.TEXT),
            Column("last_day", "Last day", Kind.DAY),
        ],
        [
            [
                label("ide", client.ide),
                client.ide_version or None,
                client.plugin or None,
                client.plugin_version or None,
                client.last_day,
            ]
            for client in history.clients()
        ],
        empty=_unused(history),
    )


def phases(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    history = _history(asked, subject, user)
    panel = asked.over_time(
        [Column("phase", "Phase")],
        lambda bucket: [history.phase_number(bucket.days)],
        Drawing(Form.LINES, ["phase"]),
        note="Told on days with a line; of a week or month, its newest.",
    )
    return panel if panel.rows else Panel(empty="No line of these days tells a phase.")


def spent(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    history = _history(asked, subject, user)
    panel = asked.over_time(
        [Column("ai_credits_used", "AI credits", Kind.DECIMAL)],
        lambda bucket: [history.ai_credits_used(bucket.days)],
        Drawing(Form.BARS, ["ai_credits_used"]),
    )
    return panel if panel.rows else Panel(empty="No line of these days tells any AI credits.")


def in_teams(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    told = teams_of_person(subject.account, user, asked.days())
    if told.newest is None:
        return Panel(empty="No report of teams was taken in of these days.")
    overview = reverse("metrics:usage", args=["overview"])

    def name(slug: str, key: int) -> Value | Linked:
        if not subject.has_links:
            return slug
        query = asked.query(scope=str(subject.account.pk), team=str(key), person=None)
        return Linked(slug, f"{overview}?{query}")

    return Panel(
        [
            Column("team", "Team", Kind.TEXT),
            Column("on_first", f"On {told.first}", Kind.TEXT),
            Column("on_newest", f"On {told.newest}", Kind.TEXT),
        ],
        [
            [name(team.slug, team.team_key), _yes_or_no(team.on_first), _yes_or_no(team.on_newest)]
            for team in told.teams
        ],
        empty=f"In no team on {told.first} nor on {told.newest}.",
    )


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


def seats(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    """Every held seat of the person, whoever granted it: evidence belongs to the person, not to a seat."""
    held = Seat.objects.held().filter(user=user).select_related("account__parent", "policy").order_by("pk")
    has_links = asked.user is not None and bool(
        page_for(asked.user, "admin:seats_seat_changelist", "seats.view_seat")
    )
    evidence = list(Evidence.objects.filter(user=user).order_by("-last_on", "source"))
    told = ", ".join(f"{row.get_source_display()} {row.last_on}" for row in evidence)
    return Panel(
        [
            Column("account", "Seat of", Kind.TEXT),
            Column("plan", "Plan", Kind.TEXT),
            Column("verdict", "Verdict", Kind.TEXT),
            Column("reason", "Why", Kind.TEXT),
            Column("granted", "Granted", Kind.DAY),
            Column("last_evidence", "Last evidence", Kind.DAY),
            Column("source", "Source", Kind.TEXT),
            Column("as_of", "As of", Kind.DAY),
        ],
        [_seat_row(seat, evidence, has_link=has_links) for seat in held],
        note=f"Evidence of use, by source: {told}." if told else "There is no evidence of use.",
        empty="No seat is held.",
    )


def _seat_row(seat: Seat, evidence: Sequence[Evidence], *, has_link: bool) -> Row:
    """With the verdict of the day on which it was judged, as on the page of the seat."""
    as_of = seat.verdict_as_of or today()
    facts = Facts(
        created_on=seat.created_at.date() if seat.created_at else None,
        pending_cancellation_date=seat.pending_cancellation_date,
        is_exempt=seat.verdict == Verdict.EXEMPT,
        evidence={row.source: row.last_on for row in evidence},
        watched_since=seat.watched_since.date() if seat.watched_since else None,
    )
    judgement = evaluate(facts, rule_of(seat.policy) if seat.policy else Rule(), as_of)
    source = dict(Evidence.Source.choices).get(judgement.last_evidence_source, "")
    name = seat.account.label
    return [
        Linked(name, reverse("admin:seats_seat_change", args=[seat.pk])) if has_link else name,
        seat.plan_type,
        capfirst(str(Verdict(judgement.verdict).label)),
        judgement.reason,
        facts.created_on,
        judgement.last_evidence_on,
        capfirst(source) or None,
        as_of,
    ]


def by_account(asked: Asked, subject: Subject, user: GitHubUser) -> Panel:
    here = reverse("metrics:usage", args=["person"])

    def name(account: Account) -> Value | Linked:
        if not subject.has_links:
            return account.label
        query = asked.query(scope=str(account.pk), person=str(user.pk), team=None)
        return Linked(account.label, f"{here}?{query}")

    return Panel(
        [
            Column("account", "Told by", Kind.TEXT),
            Column("active_days", "Active days"),
            Column("last_day", "Last day", Kind.DAY),
            Column("interactions", "Interactions"),
            Column("generations", "Generations"),
            Column("acceptances", "Acceptances"),
            Column("acceptance_rate", "Acceptance rate", Kind.RATE),
            Column("lines_added", "Lines added"),
            Column("lines_deleted", "Lines deleted"),
            Column("ai_credits_used", "AI credits", Kind.DECIMAL),
        ],
        [
            [name(each.account), each.active_days, each.last_day, *_cells(each.sums), each.ai_credits_used]
            for each in accounts_of_person(user, asked.days())
        ],
        note="They tell of the same use: never add them up.",
        empty="No report of these days has a line of this person.",
    )


PANELS: Mapping[str, _Panel] = {
    "in-numbers": _Panel(
        "In numbers",
        "The counters of the person's lines in the account's per-user reports, added up over these days; an "
        "active day is a day with a line.",
        in_numbers,
        wide=True,
    ),
    "by-day": _Panel(
        "Use over time",
        "The counters of the person's lines; a day with a report and without a line is a day without use.",
        by_day,
        wide=True,
    ),
    "ways": _Panel("What was used", "On how many days GitHub's flag of each way to use it is set.", ways),
    "features": _Panel(
        "Features and chat modes",
        "The person's use by feature, over these days.",
        _by_name("feature", "feature", "Feature", has_interactions=True),
    ),
    "languages": _Panel(
        "Languages",
        "The person's use by language, over these days; GitHub tells no interactions by language.",
        _by_name("language_feature", "language", "Language", has_interactions=False),
    ),
    "models": _Panel(
        "Models",
        "The person's use by model, over these days; completions are in none.",
        _by_name("model_feature", "model", "Model", has_interactions=True),
    ),
    "editors": _Panel(
        "Editors",
        "The person's use by editor, over these days.",
        _by_name("ide", "ide", "Editor", has_interactions=True),
    ),
    "clients": _Panel(
        "Clients and versions",
        "Of each editor the newest version and plugin that lines of these days tell, and its last day.",
        clients,
    ),
    "phase": _Panel(
        "AI adoption phase",
        "GitHub's phase of the person as the lines tell it, from 0 (no cohort) on.",
        phases,
    ),
    "credits": _Panel("AI credits", "The AI credits that the person's lines tell.", spent),
    "teams": _Panel(
        "Teams",
        "The teams the person was in by the reports of teams of two days: the first and the newest of these.",
        in_teams,
        source="https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics",
    ),
    "seat": _Panel(
        "Seat and verdict",
        "Each seat held today, what the nearest policy last said of it, and why.",
        seats,
        source="https://docs.github.com/rest/copilot/copilot-user-management",
        wide=True,
        permission="seats.view_seat",
    ),
    "accounts": _Panel(
        "Account by account",
        "What the reports of each organization and enterprise tell of the person.",
        by_account,
        wide=True,
    ),
}


# --- In words ---------------------------------------------------------------------------------


def words_about(asked: Asked, subject: Subject, called: str) -> list[str]:
    """How often, with what most, and how much was accepted; `called` begins the first sentence."""
    if subject.user is None:
        return [subject.why_not] if subject.why_not else []
    history = _history(asked, subject, subject.user, with_rest=True)
    sentences = [how_often(history, called), with_what(history), how_much_was_accepted(history)]
    return [sentence for sentence in sentences if sentence]


def how_often(history: PersonHistory, called: str) -> str:
    if not history.days:
        return "No report of use was taken in of these days."
    if len(history.days) == 1:
        [day] = history.days
        return f"{called} {'used' if history.lines else 'did not use'} Copilot on {day}."
    days = f"the {len(history.days)} days that reports tell of"
    if not history.lines:
        return f"{called} did not use Copilot on {days}."
    return f"{called} used Copilot on {len(history.lines)} of {days}, last on {max(history.lines)}."


def with_what(history: PersonHistory) -> str:
    """The feature with most interactions and its share of them; nothing where several are equal."""
    totals = history.breakdown("feature").totals("feature")
    counted = {key: added.user_initiated_interaction_count or 0 for (key,), added in totals.items()}
    most = max(counted.values(), default=0)
    share: Decimal | None = ratio(most, sum(counted.values()))
    leading: Sequence[str] = [key for key, count in counted.items() if count == most]
    if not most or share is None or len(leading) > 1:
        return ""
    return f"Most interactions were with {label('feature', leading[0])} ({percent(share)})."


def how_much_was_accepted(history: PersonHistory) -> str:
    days = list(history.days)
    added = history.sums(days)
    rate = history.acceptance_rate(days)
    if rate is None:
        return ""
    generated = several(added.code_generation_activity_count or 0, "suggestion", "suggestions")
    return f"{added.code_acceptance_activity_count:,} of {generated} were accepted ({percent(rate)})."
