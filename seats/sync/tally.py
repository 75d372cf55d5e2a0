"""What a run of a step did, in numbers and sentences; it ends up on the run's job."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from portal.github.client import GitHub

# The names a job keeps; beyond them only their number.
MOST_NAMES = 200


class Reporter(Protocol):
    """Where a step says how far it is; either call may raise to stop it."""

    def progress(self, done: int, total: int | None = None, note: str = "") -> None: ...

    def should_stop(self) -> None: ...


@dataclass(slots=True)
class Tally:
    requests: int = 0
    pages: int = 0
    downloads: int = 0
    rows_seen: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_ended: int = 0
    rows_rejected: int = 0
    ended: list[str] = field(default_factory=list)
    restated: list[dict[str, Any]] = field(default_factory=list)
    rate_limit_remaining: int | None = None
    notes: list[str] = field(default_factory=list)
    # What the client had counted before this run: several runs may share one.
    _before: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def since_now(cls, github: GitHub) -> Self:
        """A tally that counts what this client does from now on."""
        tally = cls()
        tally._before = _counted(github)
        return tally

    @classmethod
    def of(cls, github: GitHub) -> Self:
        """All that this client has done."""
        tally = cls()
        tally.count(github)
        return tally

    def count(self, github: GitHub) -> None:
        """Take over what the client counted, and what GitHub announced."""
        now = _counted(github)
        self.requests, self.pages, self.downloads = (
            late - early for late, early in zip(now, self._before, strict=True)
        )
        self.rate_limit_remaining = github.counted.rate_limit_remaining
        for notice in github.counted.notices:
            self.say(notice)

    def say(self, sentence: str) -> None:
        """Tell an admin something; each sentence once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a job's tally and for JSON."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}
        return {**told, "ended": sorted(self.ended, key=str.lower)[:MOST_NAMES]}


def _counted(github: GitHub) -> tuple[int, int, int]:
    counted = github.counted
    return counted.requests, counted.pages, counted.downloads


def listed(names: list[str], shown: int = 5) -> str:
    """The first names, and how many more there are: for sentences."""
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")
