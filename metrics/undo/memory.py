"""What a file made the portal remember of people and teams, beside its rows: read from the file again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Q

from metrics.formats.kinds import Kind
from metrics.formats.parsing import Parsed
from metrics.ingest.pipelines import USAGE
from metrics.ingest.seat_files import SeatList, read_seat_list
from metrics.ingest.team_rosters import TeamRosters
from metrics.ingest.usage import BATCH, Days, Intake
from metrics.ingest.user_days import UserDays
from metrics.models import ReportDay, UserDay
from metrics.undo.overlap import is_readable, options_said, pages_in, records_in
from portal.models import ReportFile
from seats.accounts import WrongAccount
from seats.models import Account
from seats.people_names import Telling
from seats.roster import ReportedGrant
from seats.roster.teams import owner_of

# (GitHub's id of a person, lower-cased login)
Login = tuple[int, str]
# (our key of the account that has it, GitHub's id of a team)
TeamKey = tuple[int, int]
# When it was called so, under which slug
TeamName = tuple[date, str, str]
OnRecords = Callable[[int], None]


@dataclass(slots=True)
class Seen:
    """From when to when a login was seen, and how it was written last."""

    first: date
    last: date
    login: str

    def widen(self, first: date, last: date, login: str) -> None:
        self.last, self.login = max((self.last, self.login), (last, login))
        self.first = min(self.first, first)


@dataclass(slots=True)
class Memory:
    logins: dict[Login, Seen] = field(default_factory=dict)
    # The newest day of use, and of credits spent, by GitHub id.
    used: dict[int, date] = field(default_factory=dict)
    credits: dict[int, date] = field(default_factory=dict)
    # The slugs of teams, and the newest day on which each was seen; what a team was called last.
    slugs: dict[TeamKey, dict[str, date]] = field(default_factory=dict)
    team_names: dict[TeamKey, TeamName] = field(default_factory=dict)
    # Names and addresses of people, and when a list told them.
    tellings: list[Telling] = field(default_factory=list)
    told_at: datetime | None = None
    # The days it spoke of, by its lines or by telling nothing of them.
    days: Days = field(default_factory=set)
    rows: int = 0

    def see(self, github_id: int, login: str, first: date, last: date) -> None:
        if not login:
            return
        key = (github_id, login.lower())
        if (known := self.logins.get(key)) is None:
            self.logins[key] = Seen(first, last, login)
        else:
            known.widen(first, last, login)

    def see_team(self, key: TeamKey, slug: str, day: date, name: str = "") -> None:
        slugs = self.slugs.setdefault(key, {})
        slugs[slug] = max(day, slugs.get(slug, day))
        if name:
            self.team_names[key] = max((day, slug, name), self.team_names.get(key, (day, slug, name)))


def recall(file: ReportFile, on_records: OnRecords | None = None) -> Memory:
    """What this file told, line by line; of one that is no longer kept what its rows still show."""
    if not is_readable(file):
        return _from_rows(file)
    if file.kind == Kind.SEATS:
        return _of_seats(file)
    if file.kind in USAGE:
        return _of_usage(file, on_records)
    return Memory()


def _of_usage(file: ReportFile, on_records: OnRecords | None) -> Memory:
    pipeline = USAGE[Kind(file.kind)]
    options = options_said(file)
    intake: Any = pipeline(file, options, is_retry=True)
    memory = Memory()
    for number, record in enumerate(intake.parsed(records_in(file)), 1):
        if on_records is not None and number % BATCH == 0:
            on_records(number)
        if not isinstance(record, Parsed):
            continue
        row = record.value
        if options.observed_at is not None:
            msgspec.structs.force_setattr(row, "observed_at", options.observed_at)
        try:
            account = intake.account_of(row)
        except WrongAccount:
            continue
        if options.covers and not options.covers[0] <= row.day <= options.covers[1]:
            continue
        if options.days is not None and row.day not in options.days:
            continue
        intake.remember(row)
        memory.rows += 1
        memory.days.add((account.pk, row.day))
        if pipeline is TeamRosters:
            memory.see_team((account.pk, row.team_id), row.slug, row.day)
    _add_windows(intake, memory)
    for (github_id, login), seen in intake.people.sightings.items():
        memory.see(github_id, login, seen.first_on, seen.last_on)
    if isinstance(intake, UserDays):
        memory.used, memory.credits = intake.used, intake.credits
    return memory


def _add_windows(intake: Intake, memory: Memory) -> None:
    """The days it told of by telling nothing."""
    options = intake.options
    spans = []
    for ids, window in intake.windows:
        try:
            spans.append((intake.scopes.of(*ids).pk, window))
        except WrongAccount:
            continue
    if options.covers and options.observed_at and (named := intake.scopes.named()):
        spans.append((named.pk, options.covers))
    for account_id, (first, last) in spans:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if options.days is None or day in options.days:
                memory.days.add((account_id, day))


def seats_in(file: ReportFile) -> SeatList:
    """The seats of a kept list."""
    return read_seat_list(pages_in(file))


def _of_seats(file: ReportFile) -> Memory:
    memory = Memory(told_at=file.observed_at)
    if file.observed_at is None:
        return memory
    day = file.observed_at.date()
    accounts = _Accounts(file)
    teams: dict[TeamKey, tuple[str, str]] = {}
    for grant in seats_in(file).grants:
        memory.rows += 1
        memory.see(grant.assignee_id, grant.assignee_login, day, day)
        if grant.team_id is not None and (account := accounts.of(grant)) is not None:
            # Of two names in one list the same one counts, whatever the order.
            key = (owner_of(account, grant), grant.team_id)
            teams[key] = max((grant.team_slug, grant.team_name), teams.get(key, ("", "")))
        if grant.assignee_name or grant.assignee_email:
            memory.tellings.append(Telling(grant.assignee_id, grant.assignee_name, grant.assignee_email))
    for key, (slug, name) in teams.items():
        memory.see_team(key, slug, day, name)
    return memory


class _Accounts:
    """The accounts whose seats a list lists."""

    def __init__(self, file: ReportFile) -> None:
        organizations = list(Account.objects.filter(kind=Account.Kind.ORGANIZATION))
        self._by_id = {one.github_id: one for one in organizations if one.github_id is not None}
        self._by_login = {one.login.lower(): one for one in organizations if one.login}
        self._own = next((one for one in Account.objects.all() if one.subject == file.subject), None)

    def of(self, grant: ReportedGrant) -> Account | None:
        """That which a grant names, else that which the list is of; None where nobody knows it any more."""
        by_id = self._by_id.get(grant.organization_id) if grant.organization_id is not None else None
        if by_id is not None or (grant.organization_id is None and not grant.organization_login):
            return by_id or self._own
        return self._by_login.get(grant.organization_login.lower())


def _from_rows(file: ReportFile) -> Memory:
    """What the rows that bear this file's name still show."""
    memory = Memory()
    if file.kind not in USAGE:
        return memory
    pipeline = USAGE[Kind(file.kind)]
    memory.days = pipeline.days_written(file)
    covered = ReportDay.objects.filter(Q(file=file) | Q(closed_by=file))
    memory.days |= set(covered.values_list("account_id", "day"))
    if pipeline is UserDays:
        rows = UserDay.objects.filter(file=file).order_by()
        told = rows.values_list(
            "user__github_id", "user__login", "day", "only_passive_review", "ai_credits_used"
        )
        for github_id, login, day, is_passive, ai_credits in told.iterator():
            if github_id is None:
                continue
            memory.rows += 1
            memory.see(github_id, login, day, day)
            if not is_passive:
                memory.used[github_id] = max(day, memory.used.get(github_id, day))
            if ai_credits:
                memory.credits[github_id] = max(day, memory.credits.get(github_id, day))
    return memory


def is_of_people(kind: str) -> bool:
    """Whether files of this kind tell who people are."""
    return kind == Kind.SEATS or (kind in USAGE and USAGE[Kind(kind)] in (UserDays, TeamRosters))


def is_of_teams(kind: Kind) -> bool:
    """Whether files of this kind tell what teams there are."""
    return kind == Kind.SEATS or (kind in USAGE and USAGE[kind] is TeamRosters)
