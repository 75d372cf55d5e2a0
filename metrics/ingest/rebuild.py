"""Add up dirty days again, from the rows: never by increments, so corrections and partial files hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from django.db import transaction
from pyroaring import BitMap

from metrics.models import DayUsers, DirtyDay, ReportDay, ScopeDay, TeamDay, TeamRoster, UserDay
from metrics.models.counters import COUNTERS
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from seats.models import Account

KINDS = {
    DayUsers.Kind.CHAT: "used_chat",
    DayUsers.Kind.AGENT: "used_agent",
    DayUsers.Kind.CLI: "used_cli",
}
Counted = tuple[int | None, ...]
NOTHING: Counted = (None,) * len(COUNTERS)


def rebuild_dirty_days(
    on_day: Callable[[int, int], None] | None = None, account: Account | None = None
) -> int:
    """Rebuild every dirty day, or those of an account; returns how many.

    Each is committed by itself, so it may be stopped.
    """
    marked = DirtyDay.objects.all() if account is None else DirtyDay.objects.filter(account=account)
    dirty = list(marked.order_by("day").values_list("account_id", "day"))
    for done, (account_id, day) in enumerate(dirty, start=1):
        rebuild_day(account_id, day)
        if on_day is not None:
            on_day(done, len(dirty))
    return len(dirty)


@transaction.atomic
def rebuild_day(account_id: int, day: date) -> None:
    """Replace the totals, team figures and bitmaps of an account's day by what its rows say now."""
    # The same lock as an import's: no batch slips in between reading the day and clearing its mark.
    Account.objects.select_for_update().get(pk=account_id)
    people = _people(account_id, day)
    is_covered = ReportDay.objects.filter(
        account_id=account_id, report=ReportDay.Report.USERS, day=day
    ).exists()
    _clear(account_id, day)
    if is_covered:
        # A day on which nobody did anything is known, and counts in every window; it has no totals.
        if people.counters:
            _write_scope_day(account_id, day, people)
        _write_teams(account_id, day, people)
    DirtyDay.objects.filter(account_id=account_id, day=day).delete()


class _People:
    """The day's people: their counters, and the bitmaps of who did what."""

    def __init__(self) -> None:
        self.counters: dict[int, Counted] = {}
        self.did: dict[str, BitMap] = {kind: BitMap() for kind in DayUsers.Kind.values}


def _people(account_id: int, day: date) -> _People:
    people = _People()
    rows = UserDay.objects.filter(account_id=account_id, day=day).values_list(
        "user_id", *KINDS.values(), *COUNTERS
    )
    flags = len(KINDS)
    did: dict[str, list[int]] = defaultdict(list)
    for row in rows.iterator(chunk_size=5_000):
        people.counters[row[0]] = row[1 + flags :]
        for kind, used in zip(KINDS, row[1 : 1 + flags], strict=True):
            if used:
                did[kind].append(row[0])
    people.did[DayUsers.Kind.ACTIVE] = BitMap(people.counters)
    for name, users in did.items():
        people.did[name] = BitMap(users)
    return people


def total(rows: Iterable[Counted]) -> Counted:
    """The sum per counter; None where no row has it: missing is not 0."""
    sums: list[int | None] = list(NOTHING)
    for row in rows:
        for index, value in enumerate(row):
            if value is not None:
                sums[index] = (sums[index] or 0) + value
    return tuple(sums)


def _clear(account_id: int, day: date) -> None:
    ScopeDay.objects.filter(account_id=account_id, day=day, source=ScopeDay.Source.USERS).delete()
    TeamDay.objects.filter(account_id=account_id, day=day).delete()
    DayUsers.objects.filter(account_id=account_id, day=day).delete()


def _named(counted: Counted) -> dict[str, int | None]:
    return dict(zip(COUNTERS, counted, strict=True))


def _write_scope_day(account_id: int, day: date, people: _People) -> None:
    ScopeDay.objects.create(
        account_id=account_id,
        day=day,
        source=ScopeDay.Source.USERS,
        daily_active_users=len(people.counters),
        daily_active_cli_users=len(people.did[DayUsers.Kind.CLI]),
        **_named(total(people.counters.values())),
    )


def _write_teams(account_id: int, day: date, people: _People) -> None:
    rosters = list(TeamRoster.objects.filter(team__account_id=account_id, day=day))
    days: list[TeamDay] = []
    users: list[DayUsers] = list(_bitmaps(account_id, WHOLE_ACCOUNT, day, people.did))
    attributed = BitMap()
    for roster in rosters:
        members = roster.user_keys
        attributed |= members
        days.append(_team_day(account_id, roster.team_id, day, people, members))
        users += _bitmaps(account_id, roster.team_id, day, people.did, members)
    others = people.did[DayUsers.Kind.ACTIVE] - attributed
    days.append(_team_day(account_id, None, day, people, others))
    users += _bitmaps(account_id, UNATTRIBUTED, day, people.did, others)
    TeamDay.objects.bulk_create(days)
    DayUsers.objects.bulk_create(users)


def _team_day(account_id: int, team_id: int | None, day: date, people: _People, members: BitMap) -> TeamDay:
    active = members & people.did[DayUsers.Kind.ACTIVE]
    return TeamDay(
        account_id=account_id,
        team_id=team_id,
        team_key=UNATTRIBUTED if team_id is None else team_id,
        day=day,
        member_count=None if team_id is None else len(members),
        active_users=len(active),
        **_named(total(people.counters[key] for key in active)),
    )


def _bitmaps(
    account_id: int, team_key: int, day: date, did: Mapping[str, BitMap], members: BitMap | None = None
) -> Sequence[DayUsers]:
    rows = []
    for kind, users in did.items():
        some = users if members is None else users & members
        if some or kind == DayUsers.Kind.ACTIVE:
            rows.append(
                DayUsers(account_id=account_id, team_key=team_key, day=day, kind=kind, users=some.serialize())
            )
    return rows
