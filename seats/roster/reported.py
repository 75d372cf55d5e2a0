"""What a list of seats says, read to its end, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from portal.models import ReportFile
from seats.models import Account
from seats.models.seat import PlanType


@dataclass(frozen=True, slots=True)
class ReportedGrant:
    """One element of a seat list: a person's seat as one account or team granted it."""

    number: int
    assignee_id: int
    assignee_login: str
    organization_id: int | None = None
    organization_login: str = ""
    team_id: int | None = None
    team_slug: str = ""
    team_name: str = ""
    team_is_enterprise: bool | None = None
    plan_type: str = PlanType.UNKNOWN
    created_at: datetime | None = None
    last_activity_at: datetime | None = None
    last_activity_editor: str = ""
    last_authenticated_at: datetime | None = None
    pending_cancellation_date: date | None = None
    assignee_name: str = ""
    assignee_email: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """A seat list read to its end. `scope` is None when every grant names its organization itself."""

    scope: Account | None
    observed_at: datetime
    grants: Sequence[ReportedGrant]
    is_complete: bool
    is_confirmed: bool = False
    file: ReportFile | None = None
    # Nobody looked at it: it does not end many seats at once by itself.
    is_unattended: bool = False

    @property
    def is_whole(self) -> bool:
        """Whoever is not on it holds no seat: it is complete, and somebody vouches for that."""
        return self.is_complete and self.is_confirmed


@dataclass(slots=True)
class Applied:
    """What became of each element of the list, and what followed."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    superseded: int = 0
    ended: list[str] = field(default_factory=list)
    # Seats that would have ended, had they not been so many: somebody, or a second list, must confirm it.
    held_back: int = 0
    # The same list as the newest one: nothing was written but the moment.
    is_repeat: bool = False
    accounts: list[Account] = field(default_factory=list)
