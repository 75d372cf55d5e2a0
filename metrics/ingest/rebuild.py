"""Add up dirty days again, from the rows: never by increments, so corrections and partial files hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import compress

from django.db import connection, transaction
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
    """The day's people: their counters, the sum of those, and the bitmaps of who did what."""

    def __init__(self) -> None:
        self.counters: dict[int, Counted] = {}
        self.total: Counted = NOTHING
        self.did: dict[str, BitMap] = {kind: BitMap() for kind in DayUsers.Kind.values}


def _people(account_id: int, day: date) -> _People:
    people = _People()
    rows = UserDay.objects.filter(account_id=account_id, day=day).order_by()
    query, values = rows.values_list("user_id", *KINDS.values(), *COUNTERS).query.sql_with_params()
    with connection.cursor() as cursor:
        # Whole numbers and flags alone: they need no converting.
        cursor.execute(query, values)
        while some := cursor.fetchmany(5_000):
            keys, *columns = zip(*some, strict=True)
            flags, counters = columns[: len(KINDS)], columns[len(KINDS) :]
            people.counters.update(zip(keys, zip(*counters, strict=True), strict=True))
            for kind, used in zip(KINDS, flags, strict=True):
                people.did[kind].update(compress(keys, used))
            people.total = total([people.total, tuple(map(_sum, counters))])
    people.did[DayUsers.Kind.ACTIVE] = BitMap(people.counters)
    return people


def total(rows: Iterable[Counted]) -> Counted:
    """The sum per counter; None where no row has it: missing is not 0."""
    return tuple(map(_sum, zip(*rows, strict=True))) or NOTHING


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


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
        **_named(people.total),
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
    everybody = people.did[DayUsers.Kind.ACTIVE]
    active = members & everybody
    counted = people.total if active == everybody else total(people.counters[key] for key in active)
    return TeamDay(
        account_id=account_id,
        team_id=team_id,
        team_key=UNATTRIBUTED if team_id is None else team_id,
        day=day,
        member_count=None if team_id is None else len(members),
        active_users=len(active),
        **_named(counted),
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
