"""A list cut short looks exactly like people leaving: of one that nobody looked at, few endings are believed.

Many wait for a second complete list, an hour later, that lacks the same people, or for somebody who
confirms the first. An empty list where there were seats ends nothing by itself, however often it comes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from seats.models import SeatRoster
from seats.roster.reported import Roster
from seats.roster.seat_rows import SeatRow

ENDED_UNSEEN = 10
ENDED_UNSEEN_SHARE = 0.2
SECOND_LOOK = timedelta(hours=1)


def is_too_many(missing: int, held: int) -> bool:
    """Whether so many of the held seats do not end at once without a second look."""
    return missing > max(ENDED_UNSEEN, held * ENDED_UNSEEN_SHARE)


@dataclass(frozen=True, slots=True)
class Decision:
    """How many missing seats are held back; and which earlier list, held back then, this one bears out."""

    held_back: int = 0
    borne_out: SeatRoster | None = None


def decide(roster: Roster, missing: Collection[SeatRow], held: int) -> Decision:
    """What an unattended whole roster may do about the held seats that it does not list."""
    if not missing:
        return Decision()
    if not roster.grants:
        return Decision(held_back=len(missing))
    earlier = _second_look(roster)
    unannounced = [row for row in missing if earlier is None or row.last_seen_at >= earlier.observed_at]
    if not is_too_many(len(unannounced), held):
        return Decision()
    return Decision(len(missing), earlier if len(unannounced) < len(missing) else None)


def _second_look(roster: Roster) -> SeatRoster | None:
    """The newest list held back an hour ago or more: what it lacked too was missed twice."""
    held_back = SeatRoster.objects.held_back().filter(account=roster.scope, seats__gt=0)
    return (
        held_back.filter(observed_at__lte=roster.observed_at - SECOND_LOOK).order_by("-observed_at").first()
    )
