"""The people of an account's day as its rows tell them: their counters, what they used, in which teams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import compress
from typing import Any

from django.db import connection
from pyroaring import BitMap

from metrics.ingest.add_up import AddedUp, kind_of
from metrics.models import DayUsers, UserDay
from metrics.models.counters import COUNTERS

FLAGS = {
    DayUsers.Kind.CHAT.value: "used_chat",
    DayUsers.Kind.AGENT.value: "used_agent",
    DayUsers.Kind.CLI.value: "used_cli",
    DayUsers.Kind.CLOUD_AGENT.value: "used_copilot_cloud_agent",
    DayUsers.Kind.APP.value: "used_copilot_app",
    DayUsers.Kind.VSCODE_AGENT.value: "used_vscode_agent",
    DayUsers.Kind.CODE_REVIEW_ACTIVE.value: "used_copilot_code_review_active",
    DayUsers.Kind.CODE_REVIEW_PASSIVE.value: "used_copilot_code_review_passive",
}
CREDITS = "ai_credits_used"
NANO = 10**9
# The largest number of a column: beyond it nothing is told apart.
MOST = 2**63 - 1
CHUNK = 2_500

# The seven counters, and AI credits in billionths.
Counted = tuple[int | None, ...]
NOTHING: Counted = (None,) * (len(COUNTERS) + 1)

# Blobs, whose they are, and the groups of these people → what they add up to, now or later.
Submit = Callable[[Sequence[bytes], Sequence[int], Sequence[int]], "Callable[[], AddedUp]"]


@dataclass(slots=True)
class People:
    """Counters of each, the sum of those, the sets of who did what, and the breakdowns by group."""

    counters: dict[int, Counted] = field(default_factory=dict)
    total: Counted = NOTHING
    did: dict[str, BitMap] = field(default_factory=dict)
    added: AddedUp = field(default_factory=AddedUp)

    @property
    def everybody(self) -> BitMap:
        return self.did[DayUsers.Kind.ACTIVE.value]


def read_people(account_id: int, day: date, groups: dict[int, int], submit: Submit) -> People:
    """All of the day; `groups` says which group somebody is in, 0 being who is not named."""
    people = People()
    pending: list[Callable[[], AddedUp]] = []
    for keys, flags, phases, counters, blobs in _chunks(account_id, day):
        pending.append(submit(list(map(bytes, blobs)), keys, [groups.get(key, 0) for key in keys]))
        people.counters.update(zip(keys, zip(*counters, strict=True), strict=True))
        for kind, used in zip(FLAGS, flags, strict=True):
            people.did.setdefault(kind, BitMap()).update(compress(keys, used))
        for phase in set(phases) - {None}:
            kind = kind_of("phase", str(phase))
            some = [key for key, own in zip(keys, phases, strict=True) if own == phase]
            people.did.setdefault(kind, BitMap()).update(some)
        people.total = total([people.total, tuple(map(_sum, counters))])
    for wait in pending:
        people.added.add(wait())
    people.did |= people.added.users
    people.did[DayUsers.Kind.ACTIVE.value] = BitMap(people.counters)
    return people


def _chunks(account_id: int, day: date) -> Iterator[tuple[Any, ...]]:
    """Columns of some thousand rows at a time: keys, flags, phases, counters, blobs."""
    rows = UserDay.objects.filter(account_id=account_id, day=day).order_by()
    names = ("user_id", *FLAGS.values(), "phase_number", *COUNTERS, CREDITS, "blob")
    query, values = rows.values_list(*names).query.sql_with_params()
    # PostgreSQL would send all of a day at once otherwise.
    with connection.chunked_cursor() as cursor:
        # Whole numbers, flags and bytes: they need no converting, and credits only to whole numbers.
        cursor.execute(query, values)
        while some := cursor.fetchmany(CHUNK):
            keys, *columns = zip(*some, strict=True)
            flags, columns = columns[: len(FLAGS)], columns[len(FLAGS) :]
            phases, *counters, ai_credits, blobs = columns
            yield keys, flags, phases, [*counters, [_nano(value) for value in ai_credits]], blobs


def _nano(value: Any) -> int | None:
    """Billionths of a credit: SQLite has numbers of several kinds."""
    return None if value is None else round(value * NANO)


def named(counted: Counted) -> dict[str, Any]:
    """The columns of a day."""
    *counters, ai_credits = counted
    columns: dict[str, Any] = dict(zip(COUNTERS, map(_within, counters), strict=True))
    columns[CREDITS] = None if ai_credits is None else Decimal(ai_credits) / NANO
    return columns


def _within(number: int | None) -> int | None:
    return None if number is None else min(number, MOST)


def total(rows: Iterable[Counted]) -> Counted:
    """The sum per counter; None where no row has it: missing is not 0."""
    return tuple(map(_sum, zip(*rows, strict=True))) or NOTHING


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
