"""All grants of one seat in a roster, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from seats.models.seat import PlanType
from seats.roster.reported import ReportedGrant
from seats.roster.teams import Granted
from seats.roster_content import line_of

PLAN_RANK: dict[str, int] = {PlanType.UNKNOWN: 0, PlanType.BUSINESS: 1, PlanType.ENTERPRISE: 2}


@dataclass(slots=True)
class Holding:
    plan_type: str
    created_at: datetime | None
    last_activity_at: datetime | None
    last_activity_editor: str
    last_authenticated_at: datetime | None
    pending_cancellation_date: date | None
    grants: Sequence[ReportedGrant]
    granted: Sequence[Granted]

    @classmethod
    def of(cls, grants: Sequence[ReportedGrant], granted: Sequence[Granted]) -> Holding:
        """What these grants, with the ways in which each was granted, come to."""
        if len(grants) > 1:
            return cls._of_several(grants, granted)
        grant = grants[0]
        return cls(
            grant.plan_type,
            grant.created_at,
            grant.last_activity_at,
            grant.last_activity_editor,
            grant.last_authenticated_at,
            grant.pending_cancellation_date,
            grants,
            granted,
        )

    @classmethod
    def _of_several(cls, grants: Sequence[ReportedGrant], granted: Sequence[Granted]) -> Holding:
        # In one order, whichever the list has them in: it says the same.
        order = sorted(range(len(grants)), key=lambda index: line_of(grants[index]))
        grants, granted = [grants[index] for index in order], [granted[index] for index in order]
        newest = max(grants, key=lambda grant: _known(grant.last_activity_at))
        return cls(
            # The same seat by several ways is billed once, at the higher plan.
            max((grant.plan_type for grant in grants), key=lambda plan: PLAN_RANK.get(plan, 0)),
            _latest(grant.created_at for grant in grants),
            newest.last_activity_at,
            newest.last_activity_editor,
            _latest(grant.last_authenticated_at for grant in grants),
            _pending([grant.pending_cancellation_date for grant in grants]),
            grants,
            granted,
        )

    @property
    def routes(self) -> list[tuple[str, int | None]]:
        if len(self.granted) == 1:
            return [(self.granted[0].route, self.granted[0].team_id)]
        return sorted(
            {(one.route, one.team_id) for one in self.granted}, key=lambda one: (one[0], one[1] or 0)
        )

    @property
    def granted_by(self) -> str:
        if len(self.granted) == 1:
            return self.granted[0].route
        return ";".join(sorted({one.route for one in self.granted}))

    @property
    def assigning_team_pk(self) -> int | None:
        if len(self.granted) == 1:
            return self.granted[0].team_pk
        teams = [(one.team_id, one.team_pk) for one in self.granted if one.team_id is not None]
        return min(teams)[1] if teams else None

    def state(self) -> dict[str, Any]:
        """GitHub's fields as history keeps them."""
        return {
            "plan_type": self.plan_type,
            "created_at": self.created_at and self.created_at.isoformat(),
            "last_activity_at": self.last_activity_at and self.last_activity_at.isoformat(),
            "last_activity_editor": self.last_activity_editor,
            "last_authenticated_at": self.last_authenticated_at and self.last_authenticated_at.isoformat(),
            "pending_cancellation_date": (
                self.pending_cancellation_date and self.pending_cancellation_date.isoformat()
            ),
            "grants": [list(route) for route in self.routes],
        }


def _known(at: datetime | None) -> tuple[bool, str]:
    return (at is not None, at.isoformat() if at else "")


def _latest(times: Any) -> datetime | None:
    return max((at for at in times if at is not None), default=None)


def _pending(dates: Sequence[date | None]) -> date | None:
    """Cancelling one of several grants ends nothing: pending only when every grant is."""
    return None if None in dates else max(day for day in dates if day)
