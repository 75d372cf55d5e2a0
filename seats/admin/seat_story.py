"""Everything known about one seat, in the order in which somebody asks: why, how granted, seen when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.text import capfirst

from portal.cards import Cell, Table
from seats.admin.base import NOTHING, day, moment
from seats.models import Evidence, Exemption, Seat, SeatGrant, SeatReview, Team
from seats.models.seat import Verdict
from seats.policy import Facts, Rule, evaluate
from seats.policy_sql import rule_of
from seats.verdicts import today

# A seat's history can be long; the newest tell most.
SHOWN = 50
# Fields of a seat list by the names they have on this page.
NAMES = {
    "plan_type": "plan",
    "created_at": "created",
    "last_activity_at": "last activity",
    "last_activity_editor": "editor",
    "last_authenticated_at": "last sign-in",
    "pending_cancellation_date": "access ends",
    "grants": "granted",
}


@dataclass(frozen=True, slots=True)
class Story:
    reason: str
    facts: Table
    tables: Sequence[Table]


def story(seat: Seat) -> Story:
    tables = [_grants(seat), _evidence(seat), _exemptions(seat), _reviews(seat), _observations(seat)]
    return Story(reason=reason(seat), facts=_facts(seat), tables=[table for table in tables if table.rows])


def reason(seat: Seat) -> str:
    """The sentence of the policy for the cached verdict, in the words of `seats.policy`."""
    if seat.ended_at:
        return f"The seat ended: the roster of {moment(seat.ended_at)} no longer shows it."
    as_of = seat.verdict_as_of or today()
    rule = rule_of(seat.policy) if seat.policy else Rule()
    judgement = evaluate(_known(seat), rule, as_of)
    policy = f" Policy: {seat.policy}." if seat.policy else ""
    return f"{judgement.reason}{policy} As of {day(as_of)}."


def _known(seat: Seat) -> Facts:
    return Facts(
        created_on=seat.created_at.date() if seat.created_at else None,
        pending_cancellation_date=seat.pending_cancellation_date,
        is_exempt=seat.verdict == Verdict.EXEMPT,
        evidence=dict(Evidence.objects.filter(user=seat.user_id).values_list("source", "last_on")),
        watched_since=seat.watched_since.date() if seat.watched_since else None,
    )


def _facts(seat: Seat) -> Table:
    account = reverse("admin:seats_account_change", args=[seat.account_id])
    person = reverse("admin:seats_githubuser_change", args=[seat.user_id])
    rows = [
        ("Person", seat.user.login, person),
        ("Organization or enterprise", seat.account.label, account),
        ("Plan", seat.plan_type, ""),
        ("Created", moment(seat.created_at), ""),
        ("Last activity, as GitHub last told", moment(seat.last_activity_at), ""),
        ("Editor", seat.last_activity_editor or NOTHING, ""),
        ("Last sign-in", moment(seat.last_authenticated_at), ""),
        ("Access ends", day(seat.pending_cancellation_date), ""),
        ("First seen by us", moment(seat.first_seen_at), ""),
        ("Last seen by us", moment(_last_seen_at(seat)), ""),
        ("Watched without a gap since", moment(seat.watched_since), ""),
    ]
    return Table("The seat", [], [[Cell(name), Cell(value, url)] for name, value, url in rows])


def _last_seen_at(seat: Seat) -> datetime:
    listed: Any = Seat.objects.with_listed_at().get(pk=seat.pk)
    return max(seat.last_seen_at, listed.listed_at or seat.last_seen_at)


def _grants(seat: Seat) -> Table:
    grants = seat.grants.select_related("assigning_team")
    return Table(
        "How it was granted",
        ["Route", "Team", "Plan", "Granted", "Access ends"],
        [
            [
                Cell(grant.get_route_display()),
                Cell(str(grant.assigning_team) if grant.assigning_team else NOTHING),
                Cell(grant.plan_type),
                Cell(moment(grant.created_at)),
                Cell(day(grant.pending_cancellation_date)),
            ]
            for grant in grants
        ],
    )


def _evidence(seat: Seat) -> Table:
    rows = Evidence.objects.filter(user=seat.user_id).order_by("-last_on")
    return Table(
        "Evidence of use, by source",
        ["Source", "Newest day"],
        [[Cell(capfirst(row.get_source_display())), Cell(day(row.last_on))] for row in rows],
        note="It belongs to the person, whichever account saw it.",
    )


def _exemptions(seat: Seat) -> Table:
    exemptions = Exemption.objects.filter(Q(account=None) | Q(account=seat.account_id), user=seat.user_id)
    return Table(
        "Exemptions",
        ["Reason", "From", "Until", "By"],
        [
            [
                Cell(row.reason, reverse("admin:seats_exemption_change", args=[row.pk])),
                Cell(day(row.starts_on)),
                Cell(day(row.until) if row.until else "taken back"),
                Cell(row.created_by.get_username() if row.created_by else NOTHING),
            ]
            for row in exemptions.select_related("created_by")
        ],
    )


def _reviews(seat: Seat) -> Table:
    reviews = SeatReview.objects.filter(seat=seat).select_related("opened_by")
    return Table(
        "Reviews",
        ["Opened", "State", "Reason", "By", "Closed"],
        [
            [
                Cell(day(row.opened_on), reverse("admin:seats_seatreview_change", args=[row.pk])),
                Cell(row.get_state_display()),
                Cell(row.reason),
                Cell(row.opened_by.get_username() if row.opened_by else "the policy"),
                Cell(moment(row.closed_at)),
            ]
            for row in reviews[:SHOWN]
        ],
    )


def _observations(seat: Seat) -> Table:
    """What rosters showed, each row until the next: only the fields that changed from the one before."""
    observed = list(seat.observations.order_by("-observed_at")[: SHOWN + 1])
    teams = _team_names(seat, [row.state for row in observed])
    rows = []
    for newer, older in zip(observed, [*observed[1:], None], strict=True):
        before = older.state if older else {}
        changes = [
            f"{NAMES.get(key, key.replace('_', ' '))}: {_told(key, value, teams)}"
            for key, value in newer.state.items()
            if before.get(key) != value
        ]
        said = capfirst("; ".join(changes)) if newer.is_present else "No longer there"
        rows.append([Cell(moment(newer.observed_at)), Cell(said or "Unchanged")])
    return Table("What seat lists showed, newest first", ["Observed", "Changed"], rows[:SHOWN])


def _team_names(seat: Seat, states: Sequence[dict[str, Any]]) -> dict[int, str]:
    """The teams that the grants in these states name by their ids."""
    ids = {team for state in states for _route, team in state.get("grants") or [] if team}
    family = Q(account=seat.account_id) | Q(account__parent=seat.account_id)
    if seat.account.parent_id:
        family |= Q(account=seat.account.parent_id)
    return {team.github_id: str(team) for team in Team.objects.filter(family, github_id__in=ids)}


def _told(key: str, value: Any, teams: dict[int, str]) -> str:
    """A value of a seat list as people say it."""
    if value in (None, "", []):
        return "none"
    if key == "grants":
        routes = dict(SeatGrant.Route.choices)
        told = [
            f"{routes.get(route, route)} {teams.get(team, team)}" if team else str(routes.get(route, route))
            for route, team in value
        ]
        return ", ".join(told)
    try:
        return moment(datetime.fromisoformat(value)) if key.endswith("_at") else str(value)
    except (TypeError, ValueError):
        return str(value)
