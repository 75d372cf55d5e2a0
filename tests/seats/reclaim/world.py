"""A company at GitHub that goes on living: people use Copilot, pause, leave, return, change and swap logins.

The fake GitHub's state is what GitHub shows of it, late and forgetful as GitHub is; the lives keep what
really happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from tests.fake_github import Enterprise, Organization, State, Team, seat
from tests.fake_github.shapes import stamp
from tests.fake_github.state import Account
from tests.seats.reclaim.lives import USE, Life, Use, Way, born, usage_line

FORGOTTEN_AFTER = timedelta(days=90)


@dataclass(frozen=True)
class Making:
    """What sort of a company it is."""

    seed: int
    people: int = 20
    organizations: int = 1
    has_enterprise: bool = False
    # Shares of the people whose seat comes through a team, from the enterprise, or twice.
    by_team: float = 0.1
    by_enterprise: float = 0.0
    twice: float = 0.05
    # Days of which no IDE tells anything, from the first day of the simulation on.
    silent_days: tuple[int, int] | None = None


class Company:
    def __init__(self, making: Making, state: State, now: datetime) -> None:
        self.making = making
        self.state = state
        self.dice = Random(f"company {making.seed}")
        self.lives: dict[int, Life] = {}
        self.gone: set[int] = set()
        self.enterprise: Enterprise | None = None
        self.organizations: list[Organization] = []
        self.teams: list[Team] = []
        self._began = now
        self._last = now
        self._to_show: list[tuple[datetime, Life, Use]] = []
        # Day → person → ways, as the reports will tell it.
        self.days: dict[date, dict[int, set[Way]]] = defaultdict(lambda: defaultdict(set))
        self._names = 0
        self._index: dict[tuple[int, int], list[dict[str, Any]]] | None = None
        self._found(now)

    # --- Founding -------------------------------------------------------------------------------

    def _found(self, now: datetime) -> None:
        making, number = self.making, 10_000 * (self.making.seed % 1000) + 1000
        if making.has_enterprise:
            self.enterprise = self.state.enterprise(f"big-{making.seed}", 900_000_000 + making.seed)
        for index in range(making.organizations):
            organization = self.state.organization(
                f"org-{making.seed}-{index}",
                910_000_000 + making.seed * 10 + index,
                enterprise=self.enterprise,
            )
            organization.billing["plan_type"] = self.dice.choice(["business", "enterprise"])
            self.organizations.append(organization)
            self.teams.append(
                organization.team(f"Crew {index}", number=920_000_000 + making.seed * 10 + index)
            )
        # Where nobody ever uses anything, no report tells whether there are reports.
        for organization in self.organizations:
            self.hire("daily", home=organization)
        with self._indexed():
            for _ in range(making.people):
                number += 1
                self.join(now, number)

    def _name(self) -> str:
        self._names += 1
        return f"p{self.making.seed}-{self._names}"

    def join(self, now: datetime, number: int | None = None) -> Life:
        """Somebody comes, with a past before the simulation, and is given a seat or two."""
        home = self.dice.choice(self.organizations)
        life = born(self._person(home, number), self.dice, now.date())
        granted = now - timedelta(days=self.dice.choice([0, 3, 12, 25, 40, 89, 90, 91, 200, 400]), minutes=5)
        self.lives[life.id] = life
        self._remember_past(life, granted, now)
        self._grant(life, home, granted)
        if self.dice.random() < 0.3:
            self.dice.choice(self.teams).members.append(life.person)
        return life

    def hire(self, sort: str, granted_days: int = 200, home: Organization | None = None) -> Life:
        """Somebody of this sort with one seat by name."""
        home, now = home or self.organizations[0], self.state.now()
        life = Life(self._person(home, None, reachable=1.0), sort)
        granted = now - timedelta(days=granted_days)
        self.lives[life.id] = life
        self._remember_past(life, granted, now)
        self._seat(home, life, granted)
        return life

    def _person(self, home: Organization, number: int | None, reachable: float = 0.9) -> Any:
        number = number or 10_000 * (self.making.seed % 1000) + 9000 + len(self.lives)
        login = self._name()
        # Of some nobody knows an address.
        email = f"{login}@people.example" if self.dice.random() < reachable else None
        return home.member(login, number, email=email)

    def _remember_past(self, life: Life, granted: datetime, now: datetime) -> None:
        day = max(granted, now - timedelta(days=150)) + timedelta(days=1)
        while day < now:
            for way in life.ways_today(day.date(), self.dice):
                life.uses.append(Use(day, way))
                self.days[day.date()][life.id].add(way)
            day += timedelta(days=1)

    def _grant(self, life: Life, home: Organization, granted: datetime) -> None:
        making, dice = self.making, self.dice
        draw = dice.random()
        if self.enterprise is not None and draw < making.by_enterprise:
            self._seat(self.enterprise, life, granted, plan="enterprise")
        elif draw < making.by_enterprise + making.by_team:
            team = self.teams[self.organizations.index(home)]
            team.is_seated = True
            if life.person not in team.members:
                team.members.append(life.person)
            self._seat(home, life, granted, team=team)
        else:
            self._seat(home, life, granted)
        if dice.random() < making.twice:
            other = dice.choice(self.organizations)
            if life.person not in other.members:
                other.members.append(life.person)
            if not self._rows_in(other, life):
                self._seat(other, life, granted)
            else:
                self._seat(other, life, granted, team=self.teams[self.organizations.index(other)])

    def _seat(
        self, account: Account, life: Life, granted: datetime, team: Team | None = None, plan: str = ""
    ) -> None:
        same = [row for row in self._rows_in(account, life) if row["assigning_team"] == (team and team.facts)]
        if same:
            return
        plan = plan or (account.billing["plan_type"] if isinstance(account, Organization) else "enterprise")
        row = seat(
            life.person,
            created_at=stamp(granted),
            plan_type=plan,
            assigning_team=team.facts if team else None,
        )
        account.seats.append(row)
        if self._index is not None:
            self._index.setdefault((id(account), life.id), []).append(account.seats[-1])
        self._show_row(account.seats[-1], life, self.state.now())

    # --- Looking --------------------------------------------------------------------------------

    @property
    def accounts(self) -> list[Account]:
        return [*self.organizations, *([self.enterprise] if self.enterprise else [])]

    def seats_of(self, life: Life) -> list[tuple[Account, dict[str, Any]]]:
        return [(account, row) for account in self.accounts for row in self._rows_in(account, life)]

    def _rows_in(self, account: Account, life: Life) -> list[dict[str, Any]]:
        if self._index is not None:
            return self._index.get((id(account), life.id), [])
        return [row for row in account.seats if (row.get("assignee") or {}).get("id") == life.id]

    @contextmanager
    def _indexed(self) -> Iterator[None]:
        """Within, seats come and go through this class alone, and are found without a search."""
        self._index = {}
        for account in self.accounts:
            for row in account.seats:
                if row.get("assignee"):
                    self._index.setdefault((id(account), row["assignee"]["id"]), []).append(row)
        try:
            yield
        finally:
            self._index = None

    def everybody(self) -> list[Life]:
        return [life for life in self.lives.values() if life.id not in self.gone]

    # --- Living ---------------------------------------------------------------------------------

    def live_until(self, now: datetime) -> None:
        """What happened since the last moment, and what GitHub shows of it by now."""
        with self._indexed():
            if now.date() > self._last.date():
                for life in self.everybody():
                    for way in life.ways_today(self._last.date(), self.dice):
                        self.use(life, way, self._last + timedelta(minutes=self.dice.randrange(1, 60)))
            self._last = now
            due = [one for one in self._to_show if one[0] <= now]
            self._to_show = [one for one in self._to_show if one[0] > now]
            for _, life, use in due:
                self._show(life, use, now)
        self._forget(now)

    def use(self, life: Life, way: Way, at: datetime, *, shown_at_once: bool | None = None) -> None:
        """They show life. GitHub's lists know it at once or up to a day later."""
        use = Use(at, way)
        life.uses.append(use)
        if self._is_silent(at.date()) and way in (Way.IDE, Way.CLI):
            return  # nobody's telemetry arrives
        self.days[at.date()][life.id].add(way)
        at_once = self.dice.random() < 0.6 if shown_at_once is None else shown_at_once
        if at_once:
            self._show(life, use, at)
        else:
            self._to_show.append((at + timedelta(hours=self.dice.randrange(1, 24)), life, use))

    def _is_silent(self, day: date) -> bool:
        silent = self.making.silent_days
        return silent is not None and silent[0] <= (day - self._began.date()).days <= silent[1]

    def _show(self, life: Life, use: Use, now: datetime) -> None:
        field_of = {Way.IDE: "last_activity_at", Way.SIGN_IN: "last_authenticated_at"}
        name = field_of.get(use.way)
        if name is None:
            return
        for _, row in self.seats_of(life):
            row[name] = max(row.get(name) or "", stamp(use.at))

    def _show_row(self, row: dict[str, Any], life: Life, now: datetime) -> None:
        for way, name in ((Way.IDE, "last_activity_at"), (Way.SIGN_IN, "last_authenticated_at")):
            at = life.last(way)
            if at is not None and now - at < FORGOTTEN_AFTER:
                row[name] = stamp(at)

    def _forget(self, now: datetime) -> None:
        oldest = stamp(now - FORGOTTEN_AFTER)
        for account in self.accounts:
            account.settle()
            for row in account.seats:
                for name in ("last_activity_at", "last_authenticated_at"):
                    if row.get(name) and row[name] < oldest:
                        row[name] = None

    # --- Coming and going -----------------------------------------------------------------------

    def leave(self, life: Life) -> None:
        """They leave the company, and their seats end with it."""
        self.gone.add(life.id)
        for organization in self.organizations:
            organization.remove(life.person)
        if self.enterprise is not None:
            kept = [row for row in self.enterprise.seats if (row.get("assignee") or {}).get("id") != life.id]
            self.enterprise.seats[:] = kept

    def rename(self, life: Life) -> str:
        before = life.login
        self.state.rename_user(life.person, self._name())
        return before

    def swap_logins(self, one: Life, other: Life) -> None:
        """Each bears the other's login from now on."""
        first, second = one.login, other.login
        self.state.rename_user(one.person, f"{first}-for-a-moment")
        self.state.rename_user(other.person, first)
        self.state.rename_user(one.person, second)

    def put_into_team(self, life: Life) -> None:
        """A team grants their seat from now on, in place of whoever did."""
        for account, row in self.seats_of(life):
            if isinstance(account, Organization):
                team = self.teams[self.organizations.index(account)]
                row["assigning_team"] = team.facts

    def grant_again(self, life: Life, now: datetime) -> None:
        """Somebody gives them a seat on GitHub's own page: a new one, or the end of a cancellation."""
        rows = self.seats_of(life)
        pending = [row for _, row in rows if row.get("pending_cancellation_date")]
        for row in pending:
            row["pending_cancellation_date"] = None
        if not rows:
            home = next((each for each in self.organizations if life.person in each.members), None)
            if home is not None:
                self._seat(home, life, now)

    def cancel_at_github(self, life: Life) -> None:
        """Somebody cancels their seat on GitHub's own page."""
        ends = (self.state.today.replace(day=1) + timedelta(days=32)).replace(day=1).isoformat()
        for _, row in self.seats_of(life):
            row["pending_cancellation_date"] = ends

    # --- Reports --------------------------------------------------------------------------------

    def report_lines(self, account: Account, day: date) -> list[dict[str, Any]]:
        """The per-user report of a day: of an enterprise everybody, of an organization its members."""
        if isinstance(account, Enterprise):
            scope, people = {"enterprise_id": str(account.id)}, set(self.lives)
        else:
            assert isinstance(account, Organization)
            scope = {"organization_id": str(account.id)}
            if account.enterprise is not None:
                scope["enterprise_id"] = str(account.enterprise.id)
            people = {person["id"] for person in account.members}
        told = self.days.get(day, {})
        return [
            usage_line(self.lives[number], day, ways, scope)
            for number, ways in sorted(told.items())
            if number in people and ways - {Way.SIGN_IN}
        ]

    def evidence_of(self, account: Account, day: date) -> dict[int, set[str]]:
        """What such a report tells of each person, by the names of sources."""
        told: dict[int, set[str]] = {}
        for line in self.report_lines(account, day):
            ways = self.days[day][line["user_id"]]
            told[line["user_id"]] = (
                ({"usage_report"} if ways & USE else set())
                | ({"ai_credits"} if Way.CREDITS in ways else set())
                | ({"passive"} if ways <= {Way.PASSIVE, Way.SIGN_IN} else set())
            )
        return told


@dataclass
class Misfortune:
    """What goes wrong between GitHub and the portal, drawn day by day."""

    dice: Random
    rate: float = 0.1
    usage_is_late_until: date | None = None
    outage_until: datetime | None = None
    happened: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def draw(self, what: str, rate: float | None = None) -> bool:
        if self.dice.random() < (self.rate if rate is None else rate):
            self.happened[what] += 1
            return True
        return False
