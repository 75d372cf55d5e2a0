"""Add up dirty days again, from the rows: never by increments, so corrections and partial files hold."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date

from django.db import transaction
from pyroaring import BitMap

from metrics import breakdowns
from metrics.ingest.add_up import Names, Sums, record
from metrics.ingest.rebuild_beside import Adders
from metrics.ingest.rebuild_people import People, Submit, named, read_people, total
from metrics.ingest.rebuild_teams import outdate_teams, write_teams
from metrics.ingest.rebuild_weeks import outdate_weeks, write_weeks
from metrics.ingest.rebuild_windows import outdate, write_windows
from metrics.models import DayUsers, DirtyDay, ReportDay, ScopeDay, TeamDay, TeamRoster
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from portal.bulk import collector_paused, insert_rows
from seats.models import Account

# Whoever has other things to do rebuilds days for so long: what is left then, the worker's next round does.
A_WHILE = 240.0


def rebuild_dirty_days(
    on_day: Callable[[int, int], None] | None = None,
    account: Account | None = None,
    seconds: float | None = None,
) -> int:
    """Rebuild every dirty day, or those of an account; returns how many. The newest come first.

    Each is committed by itself, so it may be stopped. With `seconds` no further day is begun after that
    time; what is left keeps its mark. The windows, weeks and teams' periods that touched days fall into are
    written at the end.
    """
    marked = DirtyDay.objects.all() if account is None else DirtyDay.objects.filter(account=account)
    dirty = list(marked.order_by("-day", "account_id").values_list("account_id", "day"))
    ends_at = None if seconds is None else time.monotonic() + seconds
    done = 0
    with Adders() as adders:
        for account_id, day in dirty:
            if done and ends_at is not None and time.monotonic() > ends_at:
                break
            _rebuild_marked(account_id, day, adders.submit)
            done += 1
            if on_day is not None:
                on_day(done, len(dirty))
    write_windows(account)
    write_teams(account, ends_at)
    write_weeks(account, ends_at)
    return done


def rebuild_day(account_id: int, day: date) -> None:
    """Replace all that is added up of an account's day by what its rows say now, and what it is a part of."""
    with Adders() as adders, transaction.atomic():
        _lock(account_id)
        _rebuild(account_id, day, adders.submit)
    account = Account.objects.get(pk=account_id)
    write_windows(account)
    write_teams(account)
    write_weeks(account)


@transaction.atomic
def _rebuild_marked(account_id: int, day: date, submit: Submit) -> None:
    # Somebody else may have been faster.
    _lock(account_id)
    if DirtyDay.objects.filter(account_id=account_id, day=day).exists():
        _rebuild(account_id, day, submit)


def _lock(account_id: int) -> None:
    """The same lock as an import's: no batch slips in between reading the day and clearing its mark."""
    list(Account.objects.select_for_update().filter(pk=account_id).order_by().values_list("pk"))


def _rebuild(account_id: int, day: date, submit: Submit) -> None:
    rosters = {
        roster.team_id: roster.user_keys
        for roster in TeamRoster.objects.filter(team__account_id=account_id, day=day)
    }
    groups = Groups(rosters)
    with collector_paused():
        people = read_people(account_id, day, groups.of, submit)
    is_covered = ReportDay.objects.filter(
        account_id=account_id, report=ReportDay.Report.USERS, day=day
    ).exists()
    _clear(account_id, day)
    if is_covered:
        # A day on which nobody did anything is known, and counts in every window; it has no totals.
        if people.counters:
            _write_scope_day(account_id, day, people)
        with collector_paused():
            _write_teams(account_id, day, people, rosters, groups)
    DirtyDay.objects.filter(account_id=account_id, day=day).delete()
    outdate(account_id, day)
    outdate_teams([(account_id, day)])
    outdate_weeks([(account_id, day)])


class Groups:
    """People by the set of teams they are in, so that each is added up once."""

    def __init__(self, rosters: Mapping[int, BitMap]) -> None:
        teams_of: dict[int, tuple[int, ...]] = {}
        for team_id, members in rosters.items():
            for user in members:
                teams_of[user] = (*teams_of.get(user, ()), team_id)
        numbers: dict[tuple[int, ...], int] = {(): 0}
        # By person; who is in no team is in group 0.
        self.of = {user: numbers.setdefault(teams, len(numbers)) for user, teams in teams_of.items()}
        self._of_team: dict[int, list[int]] = defaultdict(list)
        for teams, number in numbers.items():
            for team_id in teams:
                self._of_team[team_id].append(number)

    def of_team(self, team_id: int | None) -> Collection[int]:
        """The groups that make up a team; None: those of people in none."""
        return [0] if team_id is None else self._of_team[team_id]


def _clear(account_id: int, day: date) -> None:
    ScopeDay.objects.filter(account_id=account_id, day=day, source=ScopeDay.Source.USERS).delete()
    TeamDay.objects.filter(account_id=account_id, day=day).delete()
    DayUsers.objects.filter(account_id=account_id, day=day).delete()


def _packed(sums: Sums, together: Mapping[Names, int]) -> bytes:
    return breakdowns.pack(record(sums, together))


def _write_scope_day(account_id: int, day: date, people: People) -> None:
    added = people.added
    ScopeDay.objects.create(
        account_id=account_id,
        day=day,
        source=ScopeDay.Source.USERS,
        daily_active_users=len(people.counters),
        daily_active_cli_users=len(people.did[DayUsers.Kind.CLI]),
        blob=_packed(added.of(added.groups), added.used_together()),
        **named(people.total),
    )


def _write_teams(
    account_id: int, day: date, people: People, rosters: Mapping[int, BitMap], groups: Groups
) -> None:
    days: list[TeamDay] = []
    users = list(_sets(WHOLE_ACCOUNT, people.did))
    attributed = BitMap()
    own = {kind.value: people.did.get(kind, BitMap()) for kind in DayUsers.TEAM_KINDS}
    for team_id, members in rosters.items():
        attributed |= members
        days.append(_team_day(account_id, team_id, day, people, members, groups))
        users += _sets(team_id, own, members)
    others = people.everybody - attributed
    days.append(_team_day(account_id, None, day, people, others, groups))
    users += _sets(UNATTRIBUTED, own, others)
    TeamDay.objects.bulk_create(days)
    insert_rows(
        DayUsers,
        ("account", "day", "team_key", "kind", "users"),
        [(account_id, day, *row) for row in users],
    )


def _team_day(
    account_id: int, team_id: int | None, day: date, people: People, members: BitMap, groups: Groups
) -> TeamDay:
    everybody = people.everybody
    active = members & everybody
    counted = people.total if active == everybody else total(people.counters[key] for key in active)
    return TeamDay(
        account_id=account_id,
        team_id=team_id,
        team_key=UNATTRIBUTED if team_id is None else team_id,
        day=day,
        member_count=None if team_id is None else len(members),
        active_users=len(active),
        blob=_packed(people.added.of(groups.of_team(team_id)), people.added.used_together(active)),
        **named(counted),
    )


def _sets(
    team_key: int, did: Mapping[str, BitMap], members: BitMap | None = None
) -> Iterator[tuple[int, str, bytes]]:
    """Rows of those kinds that somebody did; how many were active is said of nobody, too."""
    for kind, users in did.items():
        some = users if members is None else users & members
        if some or kind == DayUsers.Kind.ACTIVE:
            # Equal sets are equal bytes, and neighbours take no room.
            some.run_optimize()
            yield team_key, str(kind), some.serialize()
