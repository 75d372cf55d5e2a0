"""What GitHub shows of a seat after it was asked to change it, found by the person's id, not by the login."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from django.utils import timezone

from portal import jobs
from portal.github import payloads
from portal.github.client import GitHub, SeatList
from portal.github.errors import NotFound, Unprocessable
from seats.connecting import target_of
from seats.models import Account, Seat
from seats.sync import one_seat
from seats.sync.one_seat import Answer, ChangedHands
from seats.sync.seats import is_whole

AGAIN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Shown:
    """`held`: goes on; `ends`: cancelled, access ends on `ends_on`; `gone`: no such seat."""

    kind: Literal["held", "ends", "gone"]
    ends_on: date | None = None

    @property
    def is_cancelled(self) -> bool:
        return self.kind != "held"


class Reading:
    """Reads seats of one account one by one; its whole list, once, where a login leads nowhere."""

    def __init__(self, account: Account, github: GitHub) -> None:
        self._account = account
        self._github = github
        self._list: SeatList | None = None
        self._read_at = timezone.now()
        self._listed: Mapping[int, list[payloads.Seat]] = {}

    def of(self, seats: Iterable[Seat]) -> dict[int, Shown]:
        """By the seats' keys; what was read is taken in, and not judged.

        Raises GitHubError, and jobs.Later where it is unclear.
        """
        shown: dict[int, Shown] = {}
        answers: list[Answer] = []
        try:
            for seat in seats:
                shown[seat.pk], answer = self._look(seat)
                answers += [answer] if answer is not None else []
        finally:
            if answers:
                one_seat.take_in(answers)
        return shown

    def _look(self, seat: Seat) -> tuple[Shown, Answer | None]:
        try:
            answer = one_seat.read(seat, self._github)
        except (NotFound, ChangedHands, Unprocessable):
            # A person with another login is asked about under the old one: 404 is no proof.
            found = self._found(seat)
            if found is None:
                return Shown("gone"), None
            answer = found
        return Shown("ends" if answer.ends_on else "held", answer.ends_on), answer

    def _found(self, seat: Seat) -> Answer | None:
        """The person's grants on the whole list; None where it proves that there is none."""
        if self._list is None:
            self._read_at = one_seat.moment_after_all_known(self._account)
            self._list = self._github.seats(target_of(self._account))
            by_person = defaultdict(list)
            for one in self._list.seats:
                by_person[one.assignee_id].append(one)
            self._listed = by_person
        if seat.user.github_id is not None:
            answer = Answer(seat, self._listed.get(seat.user.github_id, []), self._read_at)
            if answer.own:
                return answer
        if seat.user.github_id is None or not is_whole(self._list):
            raise jobs.Later(
                timezone.now() + AGAIN_AFTER,
                f"GitHub's list of the seats of {self._account} is not whole, and tells nothing of "
                f"{seat.user}: what came of the last call is looked up again later.",
            )
        return None
