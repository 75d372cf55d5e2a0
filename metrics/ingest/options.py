"""What the person who brings a file says about it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from portal.models import ReportFile

if TYPE_CHECKING:
    from metrics.ingest.rehearsal import Rehearsal
    from metrics.ingest.seat_files import SeatList

ROW_COUNTS = ReportFile.ROW_COUNTS


@dataclass(frozen=True, slots=True)
class Options:
    """`organization` or `enterprise` names the account; needed where the file itself names none.

    `team` is the slug of the team whose days of the older systems these are; other files take none.
    """

    organization: str = ""
    enterprise: str = ""
    taken_at: datetime | None = None
    complete: bool = False
    dry_run: bool = False
    retry_rejected: bool = False
    team: str = ""
    # Of a download: when GitHub answered, and which days it is taken in for. Days of `covers` without a
    # line are days without use; lines of days not in `days` are left out.
    observed_at: datetime | None = None
    covers: tuple[date, date] | None = None
    days: frozenset[date] | None = None
    # Of a dry run of several files: what it remembers, and what would change.
    rehearsal: Rehearsal | None = None

    def remembered(self) -> dict[str, Any]:
        """What a later run must share with an interrupted one to go on with it."""
        said: dict[str, Any] = {
            "organization": self.organization.lower(),
            "enterprise": self.enterprise.lower(),
            "taken_at": self.taken_at.isoformat() if self.taken_at else None,
            "complete": self.complete,
        }
        if self.team:
            said["team"] = self.team.lower()
        if self.observed_at:
            said["observed_at"] = self.observed_at.isoformat()
        if self.covers:
            said["covers"] = [str(day) for day in self.covers]
        if self.days is not None:
            said["days"] = [str(day) for day in sorted(self.days)]
        return said

    @classmethod
    def recalled(cls, said: Mapping[str, Any]) -> Options:
        """What `remembered` wrote down; that the file was complete is told by its own record."""
        taken_at, observed_at = said.get("taken_at"), said.get("observed_at")
        covers, days = said.get("covers"), said.get("days")
        return cls(
            organization=said.get("organization", ""),
            enterprise=said.get("enterprise", ""),
            team=said.get("team", ""),
            taken_at=datetime.fromisoformat(taken_at) if taken_at else None,
            observed_at=datetime.fromisoformat(observed_at) if observed_at else None,
            covers=(date.fromisoformat(covers[0]), date.fromisoformat(covers[1])) if covers else None,
            days=frozenset(map(date.fromisoformat, days)) if days is not None else None,
        )


class Refused(Exception):
    """Nothing of the file is taken in; the text is one sentence that says why and what to do."""


@dataclass(slots=True)
class Counts:
    """What became of the rows. Each row that was read is exactly one of the others."""

    rows_new: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_superseded: int = 0
    rows_rejected: int = 0
    conflicts: int = 0

    @property
    def rows_read(self) -> int:
        return (
            self.rows_new
            + self.rows_changed
            + self.rows_unchanged
            + self.rows_superseded
            + self.rows_rejected
        )

    def add(self, other: Counts) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def leave_out(self, rows: int) -> None:
        """Count so many rows less: they were taken in before, and are of no news."""
        for name in ("rows_unchanged", "rows_changed", "rows_superseded", "rows_new"):
            less = min(rows, getattr(self, name))
            setattr(self, name, getattr(self, name) - less)
            rows -= less

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ROW_COUNTS}


@dataclass(slots=True)
class FileOutcome:
    """What became of one file: its kind and counts, or the sentence that says why it was refused."""

    path: str
    member: str = ""
    kind: str | None = None
    error: str = ""
    report_file: ReportFile | None = None
    counts: Counts = field(default_factory=Counts)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    # Of a dry run that had to end before the file did: how many records it looked at.
    looked_at: int | None = None
    # The seats of a seat list: pages that came as files of their own are joined by it.
    seat_list: SeatList | None = None

    @property
    def is_refused(self) -> bool:
        return bool(self.error)

    @property
    def is_clean(self) -> bool:
        return not self.error and not self.counts.rows_rejected

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"path": self.path, "kind": self.kind, **self.counts.as_dict()}
        answer["rejected"] = [{"line": line, "reason": reason} for line, reason in self.rejected]
        if self.member:
            answer["member"] = self.member
        if self.error:
            answer["error"] = self.error
        if self.counts.conflicts:
            answer["conflicts"] = self.counts.conflicts
        for name in ("notes", "removed", "ended"):
            if values := getattr(self, name):
                answer[name] = values
        return answer
