"""What the portal was told and what people decided, written down beside the portal by whoever told it.

The watchdog judges by this alone. What GitHub served counts as told only once the portal said that it had
taken it in; the answer about a single seat counts at once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

LONGEST_GAP = timedelta(days=90)
SECOND_LOOK = timedelta(hours=1)

AccountKey = str  # "organization:octo", in lower case
Row = dict[str, Any]


@dataclass
class Rules:
    """A policy in the words of the page on which somebody wrote it."""

    scope: str  # "all", an AccountKey, or "team:7" by GitHub's number
    idle_days: int
    grace_days: int
    notice_days: int
    sign_in_counts: bool
    min_watched_days: int
    needs_usage_reports: bool
    max_seats_per_run: int
    max_percent_per_run: int
    max_seats_per_day: int
    max_percent_per_day: int
    needs_second_person: bool
    confirm_above: int
    mode: str
    starts_on: date
    ends_on: date | None
    # Days of the week on which people work, and holidays; none: every day.
    weekdays: frozenset[int] | None = None
    holidays: frozenset[date] = frozenset()

    def holds_on(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def is_working_day(self, day: date) -> bool:
        return self.weekdays is None or (day.weekday() in self.weekdays and day not in self.holidays)

    def notice_ends_on(self, told_on: date) -> date:
        day, left = told_on, self.notice_days
        while left:
            day += timedelta(days=1)
            left -= self.is_working_day(day)
        return day


@dataclass
class LeftAlone:
    """An exemption: of one person, one team, a pattern of logins, or newcomers."""

    reason: str
    starts_on: date
    until: date | None
    person: int | None = None
    team: int | None = None
    pattern: str = ""
    newcomer_days: int | None = None
    account: AccountKey | None = None


@dataclass
class ApprovedBatch:
    """A frozen selection, as whoever approved it saw it."""

    key: int
    account: AccountKey
    people: frozenset[int]
    proposed_by: str
    is_automatic: bool = False
    approvals: list[tuple[str, datetime]] = field(default_factory=list)
    is_withdrawn: bool = False


@dataclass
class SeatListTaken:
    at: datetime
    is_complete: bool
    is_believed: bool
    people: frozenset[tuple[AccountKey, int]]
    # Those of them whose seat goes on.
    lasting: frozenset[tuple[AccountKey, int]]


@dataclass
class Asked:
    """A DELETE that reached GitHub."""

    at: datetime
    run: int
    account: AccountKey
    person: int
    number: int
    is_done: bool = False
    # Once it is done: the first day without the seat, and the plan.
    ends_on: date | None = None
    plan: str = ""
    is_given_back: bool = False


class Ledger:
    def __init__(self) -> None:
        # Every exchange counts one up: what came before what.
        self.number = 0
        # Person → source → newest day the portal was told of.
        self.alive: dict[int, dict[str, date]] = defaultdict(dict)
        self.lists: dict[AccountKey, list[SeatListTaken]] = defaultdict(list)
        self.first_listed: dict[tuple[AccountKey, int], datetime] = {}
        # The earliest grant or listing of any seat of a person.
        self.first_known: dict[int, date] = {}
        self.covered: dict[AccountKey, set[date]] = defaultdict(set)
        self.policy_is_off: set[AccountKey] = set()
        self.teams: dict[int, tuple[AccountKey, frozenset[int]]] = {}
        # The newest single read of a login, with when and what it showed; None: no seat.
        self.read: dict[tuple[AccountKey, str], tuple[int, datetime, list[Row]]] = {}
        # When GitHub last showed this seat without a date of cancellation.
        self.shown_active: dict[tuple[AccountKey, int], int] = {}
        self.asked: list[Asked] = []
        self.parents: dict[AccountKey, AccountKey] = {}

        self.rules: list[Rules] = []
        self.exemptions: list[LeftAlone] = []
        self.kept: dict[tuple[AccountKey, int], date] = {}
        # When they were told last, and until when they were promised to be heard.
        self.told: dict[tuple[AccountKey, int], tuple[datetime, date]] = {}
        self.answered: dict[tuple[AccountKey, int], datetime] = {}
        self.batches: dict[int, ApprovedBatch] = {}
        # Which execution is under way: its number, and the batch it is of.
        self.run = 0
        self.executing: ApprovedBatch | None = None
        self.run_began = 0

    # --- What the portal was told ---------------------------------------------------------------

    def note_alive(self, person: int, source: str, day: date) -> None:
        known = self.alive[person].get(source)
        self.alive[person][source] = day if known is None else max(known, day)

    def note_row(self, row: Row) -> None:
        assignee = row.get("assignee")
        if not assignee or not assignee.get("id"):
            return
        created = date.fromisoformat(row["created_at"][:10])
        self.first_known[assignee["id"]] = min(created, self.first_known.get(assignee["id"], created))
        if at := row.get("last_activity_at"):
            self.note_alive(assignee["id"], "seat", date.fromisoformat(at[:10]))
        if at := row.get("last_authenticated_at"):
            self.note_alive(assignee["id"], "sign_in", date.fromisoformat(at[:10]))

    def note_list(self, account: AccountKey, at: datetime, rows: list[Row], is_complete: bool) -> None:
        """A list that the portal has taken in."""
        people = frozenset(
            (self.account_of(account, row), row["assignee"]["id"])
            for row in rows
            if (row.get("assignee") or {}).get("id")
        )
        for row in rows:
            self.note_row(row)
        for key in people:
            self.first_listed.setdefault(key, at)
        believed = is_complete and self._is_believed(account, at, people)
        lasting = frozenset(
            (self.account_of(account, row), row["assignee"]["id"])
            for row in rows
            if (row.get("assignee") or {}).get("id") and not row.get("pending_cancellation_date")
        )
        self.lists[account].append(SeatListTaken(at, is_complete, believed, people, lasting))

    def _is_believed(
        self, account: AccountKey, at: datetime, people: frozenset[tuple[AccountKey, int]]
    ) -> bool:
        """Whether it may end what it lacks: few, or what an earlier list, an hour ago, lacked as well."""
        earlier = [one for one in self.lists[account] if one.is_complete]
        believed = [one for one in earlier if one.is_believed]
        if not believed:
            return True
        held = believed[-1].people
        missing = held - people
        if not people and held:
            return False
        if len(missing) <= max(10, len(held) * 0.2):
            return True
        doubted = [
            one for one in earlier if not one.is_believed and one.people and one.at <= at - SECOND_LOOK
        ]
        still = missing & doubted[-1].people if doubted else missing
        return len(still) <= max(10, len(held) * 0.2)

    @staticmethod
    def account_of(listed: AccountKey, row: Row) -> AccountKey:
        organization = row.get("organization")
        return f"organization:{organization['login'].lower()}" if organization else listed

    def covering(self, account: AccountKey) -> list[SeatListTaken]:
        """Lists that would show a seat of this account, oldest first."""
        above = self.parents.get(account)
        found = self.lists[account] + (self.lists[above] if above else [])
        return sorted(found, key=lambda one: one.at)

    def watched_since(self, account: AccountKey, person: int) -> datetime | None:
        """The start of the run of complete lists without a gap of 90 days, or the first that showed it."""
        since: datetime | None = None
        before: datetime | None = None
        for one in self.covering(account):
            if one.is_complete:
                if before is None or one.at - before > LONGEST_GAP:
                    since = one.at
                before = one.at
        first = self.first_listed.get((account, person))
        return max(since, first) if since and first else None

    def note_told(self, account: AccountKey, person: int, at: datetime) -> None:
        rules = self.nearest(account, person, at.date())
        self.told[account, person] = at, rules.notice_ends_on(at.date()) if rules else at.date()

    # --- What people decided --------------------------------------------------------------------

    def nearest(self, account: AccountKey, person: int | None, day: date) -> Rules | None:
        """Team, organization, enterprise, everybody; of several teams the longest; newest of one scope."""
        holding: dict[str, Rules] = {}
        for rules in sorted(self.rules, key=lambda one: one.starts_on):
            if rules.holds_on(day):
                holding[rules.scope] = rules
        family = {account, self.parents.get(account)}
        of_teams = [
            holding[f"team:{team}"]
            for team, (owner, members) in self.teams.items()
            if person in members and owner in family and f"team:{team}" in holding
        ]
        if of_teams:
            return max(of_teams, key=lambda one: one.idle_days)
        above = self.parents.get(account, "")
        return holding.get(account) or holding.get(above) or holding.get("all")

    def exemption_of(self, account: AccountKey, person: int, login: str, day: date) -> LeftAlone | None:
        for one in self.exemptions:
            if one.starts_on > day or (one.until is not None and one.until < day):
                continue
            if one.account not in (None, account, self.parents.get(account)):
                continue
            if self._covers(one, person, login, day):
                return one
        return None

    def _covers(self, one: LeftAlone, person: int, login: str, day: date) -> bool:
        if one.person is not None:
            return one.person == person
        if one.team is not None:
            return one.team in self.teams and person in self.teams[one.team][1]
        if one.pattern:
            return fnmatchcase(login.lower(), one.pattern.lower())
        first = self.first_known.get(person)
        return first is not None and (day - first).days <= (one.newcomer_days or 0)
