"""What a list of seats says, read to its end, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from portal.github import payloads
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

    @classmethod
    def of(cls, number: int, seat: payloads.Seat) -> Self:
        """What GitHub says of a seat; `number` is the element's in its list."""
        return cls(
            number=number,
            assignee_id=seat.assignee_id,
            assignee_login=seat.assignee_login,
            organization_id=seat.organization_id,
            organization_login=seat.organization_login,
            team_id=seat.team_id,
            team_slug=seat.team_slug,
            team_name=seat.team_name,
            team_is_enterprise=seat.team_is_enterprise,
            plan_type=seat.plan_type,
            created_at=seat.created_at,
            last_activity_at=seat.last_activity_at,
            last_activity_editor=seat.last_activity_editor,
            last_authenticated_at=seat.last_authenticated_at,
            pending_cancellation_date=seat.pending_cancellation_date,
            assignee_name=seat.assignee_name,
            assignee_email=seat.assignee_email,
        )


@dataclass(frozen=True, slots=True)
class Roster:
    """A seat list read to its end. `scope` is None when every grant names its organization itself."""

    scope: Account | None
    observed_at: datetime
    grants: Sequence[ReportedGrant]
    is_complete: bool
    is_confirmed: bool = False
    file: ReportFile | None = None
    # Instead of one file: its pages, each applied by itself before, and by GitHub's id who is on which.
    pages: Sequence[ReportFile] = ()
    page_of: Mapping[int, ReportFile] = field(default_factory=dict)
    # Nobody looked at it: it does not end many seats at once by itself.
    is_unattended: bool = False

    @property
    def is_whole(self) -> bool:
        """Whoever is not on it holds no seat: it is complete, and somebody vouches for that."""
        return self.is_complete and self.is_confirmed

    def file_of(self, assignee_id: int) -> ReportFile | None:
        """The file that shows this person's seat."""
        return self.file or self.page_of.get(assignee_id)


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
    # The account the list is of, perhaps another row than was given: two may prove to be one.
    scope: Account | None = None
