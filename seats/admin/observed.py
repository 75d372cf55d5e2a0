"""What seat lists showed of one seat, in words: each list that told something new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.text import capfirst

from seats.admin.base import moment
from seats.models import Seat, SeatGrant, Team

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


def observations(seat: Seat) -> Iterator[tuple[datetime, str]]:
    """Each row until the next, newest first: only the fields that changed from the one before."""
    observed = list(seat.observations.order_by("-observed_at")[: SHOWN + 1])
    teams = _team_names(seat, [row.state for row in observed])
    for newer, older in list(zip(observed, [*observed[1:], None], strict=True))[:SHOWN]:
        before = older.state if older else {}
        changes = [
            f"{NAMES.get(key, key.replace('_', ' '))}: {_told(key, value, teams)}"
            for key, value in newer.state.items()
            if before.get(key) != value
        ]
        said = capfirst("; ".join(changes)) if newer.is_present else "No longer there"
        yield newer.observed_at, said or "Unchanged"


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
