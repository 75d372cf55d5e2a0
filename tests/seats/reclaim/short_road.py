"""A small company of people who never use their seats, on the shortest way from flag to GitHub."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine

from seats.models import Account, RevocationBatch
from tests.seats.reclaim.directly import spoken_directly
from tests.seats.reclaim.lives import Life
from tests.seats.reclaim.world import Making
from tests.seats.reclaim.years import START, Plan, Years, _closing

POLICY = {
    "idle_days": 10, "grace_days": 2, "notice_days": 0, "min_watched_days": 0, "mode": "propose",
    "max_percent_per_run": 100, "max_percent_per_day": 100, "max_idle_jump": 100, "confirm_above": 100,
}  # fmt: skip


class ShortRoad:
    """Use as a context manager; nothing goes wrong here but what a test makes go wrong."""

    def __init__(
        self, clock: time_machine.Coordinates, *, idle: int = 4, busy: int = 4, **policy: Any
    ) -> None:
        making = Making(seed=7, people=0)
        self.years = Years(
            Plan(making, policy=POLICY | policy, misfortune=0, treachery=0, usage="file"), clock
        )
        company = self.years.company
        self.idle: list[Life] = [company.hire("ghost") for _ in range(idle)]
        self.busy: list[Life] = [company.hire("developer") for _ in range(busy)]
        self.at = START
        self._direct = spoken_directly(self.years.github)
        self._closing = _closing(self.years.github)

    def __enter__(self) -> ShortRoad:
        self._closing.__enter__()
        self._direct.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._direct.__exit__(*error)
        self._closing.__exit__(*error)

    @property
    def account(self) -> Account:
        return self.years.portal.all_ours()[0]

    @property
    def rules(self) -> list[str]:
        """The rules for which the watchdog barked."""
        return sorted({bark.rule for bark in self.years.watchdog.barks})

    def days(self, number: int) -> None:
        """So many days on which lists and reports come in, and people are flagged and told."""
        for _ in range(number):
            self.years._at(self.at)
            self.years.portal.midnight()
            self.sync()
            self.years.desk.flag()
            self.years.desk.tell()
            self.at += timedelta(days=1)

    def sync(self) -> None:
        self.years.portal.sync_seats()
        self.years.portal.take_usage_in(self.years.state.today)

    def later(self, **time: float) -> None:
        self.years._at(self.years.state.now() + timedelta(**time))

    def approved(self, days: int = 1) -> RevocationBatch:
        """Flagged; told and waited for, if there are days for that; proposed and approved."""
        desk = self.years.desk
        self.days(days)
        desk.propose(self.account)
        assert RevocationBatch.objects.count() == 1, desk.last_refusal
        batch = RevocationBatch.objects.get()
        desk.approve(batch, desk.admins[0])
        return RevocationBatch.objects.get()

    def execute(self, batch: RevocationBatch) -> None:
        self.years.desk._execute(batch)
