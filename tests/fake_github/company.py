"""A believable company of any size: 20,000 seats in a second, its days of usage when they are asked for.

What people do comes from `metrics.sample`: a few hundred ways of spending a day, rolled anew each day and
shared out among everybody. So each line is consistent in itself, totals are true sums, and a day of 20,000
people is a join of bytes. Nothing depends on the clock but how settled the newest days are.
"""

from __future__ import annotations

import json
import threading
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Any

import msgspec
from pyroaring import BitMap

from metrics.sample.calendar import is_holiday
from metrics.sample.people import FIRST_NAMES, LAST_NAMES, PERSONAS, Person
from metrics.sample.usage import (
    LANGUAGES,
    MODELS,
    PHASE_NAMES,
    Activity,
    Cell,
    Surface,
    breakdowns,
    counted,
    editor_text,
    panel_modes,
    record,
    spend_day,
)
from tests.fake_github import legacy, shapes
from tests.fake_github.state import (
    REPOSITORIES_SINCE,
    USER_TEAMS_SINCE,
    Account,
    Enterprise,
    Form,
    Organization,
    Report,
    State,
    Team,
    utc_now,
)
from tests.fake_github.watched import WatchedDict

DAY = timedelta(days=1)
WINDOW = 28
MOST_KINDS, VARIANTS = 120, 3
SMALLEST_REPORTED_TEAM = 5
# At this age a day's figures are settled; before it late telemetry is missing or partial.
SETTLED_AT = 3
LATE_SHARE = 16  # one line in so many
KEPT_DAYS = 40
ORGANIZATION_NAMES = ("octo-apps", "octo-platform", "octo-labs", "octo-data", "octo-mobile", "octo-games")


@dataclass(slots=True)
class Somebody:
    """Who they are and where they belong."""

    number: int
    facts: WatchedDict
    kind: int
    organizations: tuple[Organization, ...]
    teams: list[Team]
    first_day: date = date.min
    last_day: date = date.max
    # Until this day they had another login, or were in another team.
    renamed_on: date = date.min
    old_login: str = ""
    moved_on: date = date.min
    old_team: Team | None = None
    is_seated: bool = True
    key: bytes = b""
    old_key: bytes = b""

    def opening(self, day: date) -> bytes:
        """The keys that name them in a line of that day."""
        return self.old_key if day < self.renamed_on else self.key

    def teams_on(self, day: date) -> list[Team]:
        if self.old_team is None or day >= self.moved_on:
            return self.teams
        return [self.old_team, *self.teams[1:]]


@dataclass(slots=True)
class Way:
    """One way of spending a day: an activity, and its record without the person and the scope."""

    activity: Activity
    phase: int
    body: bytes
    # As first exports have it, when the telemetry came late.
    partial: Activity | None
    partial_body: bytes


@dataclass(slots=True)
class Spent:
    """A day: who did something (coded as person, way, late), and the ways."""

    codes: array[int]
    everybody: BitMap


class Company:
    """The people of a state, and their days. Made by `company_state`."""

    def __init__(
        self, state: State, seed: int, last_day: date | None, days: int, kinds: int, options: Options
    ) -> None:
        self.state = state
        self.seed = seed
        self.options = options
        self._last_day = last_day
        self.first_day = self.newest_day - (days - 1) * DAY
        # In the middle of the period as it was at first, some things change.
        self.middle = self.first_day + days // 2 * DAY
        self.people: list[Somebody] = []
        self.enterprise: Enterprise | None = None
        # team id → (until when, slug before): a renamed team's past keeps its old slug.
        self.old_slugs: dict[int, tuple[date, str]] = {}
        self._kinds = [_kind(Random(f"{seed}:kind:{number}")) for number in range(kinds)]
        self._spent: dict[date, Spent] = {}
        self._ways: OrderedDict[date, list[Way]] = OrderedDict()
        self._in_scope: dict[int, BitMap] = {}
        self._lock = threading.RLock()

    @property
    def kinds(self) -> int:
        return len(self._kinds)

    # What a day is made of -----------------------------------------------------------------------

    def zeal(self, day: date) -> float:
        """How lively a day is. The second Sunday is silent altogether."""
        if day == self.silent_day:
            return 0.0
        if is_holiday(day):
            return 0.05
        return 0.09 if day.weekday() >= 5 else (1.0, 1.08, 1.1, 1.04, 0.86)[day.weekday()] * 0.95

    @property
    def silent_day(self) -> date:
        to_sunday = (6 - self.first_day.weekday()) % 7
        return self.first_day + timedelta(days=to_sunday + 7)

    def ways(self, day: date) -> list[Way]:
        """The ways of spending that day, `VARIANTS` for each kind of person."""
        with self._lock:
            known = self._ways.get(day)
            if known is None:
                known = self._ways[day] = [
                    self._way(kind, number, variant, day)
                    for number, kind in enumerate(self._kinds)
                    for variant in range(VARIANTS)
                ]
                while len(self._ways) > KEPT_DAYS:
                    self._ways.popitem(last=False)
            else:
                self._ways.move_to_end(day)
            return known

    def _way(self, person: Person, number: int, variant: int, day: date) -> Way:
        rng = Random(f"{self.seed}:{day}:{number}:{variant}")
        activity = spend_day(person, day, rng, 1.0)
        activity.is_late = True
        phase = _phase(person.persona.name)
        part = activity.seen_after(1)
        return Way(
            activity,
            phase,
            _body(person, day, activity, phase),
            part,
            _body(person, day, part, phase) if part else b"",
        )

    def spent(self, day: date) -> Spent:
        """Who did what that day."""
        with self._lock:
            known = self._spent.get(day)
            if known is None:
                known = self._spent[day] = self._spend(day)
            return known

    def _spend(self, day: date) -> Spent:
        codes: array[int] = array("Q")
        active = BitMap()
        zeal = self.zeal(day) if self.first_day <= day else 0.0
        if not zeal:
            return Spent(codes, active)
        roll = Random(f"{self.seed}:{day}").random
        chances = [kind.persona.chance * zeal for kind in self._kinds]
        for person in self.people:
            rolled = roll()
            if rolled < chances[person.kind] and person.first_day <= day <= person.last_day:
                digits = int(rolled * 1e9)
                way = person.kind * VARIANTS + digits % VARIANTS
                is_late = digits // VARIANTS % LATE_SHARE == 0
                codes.append(person.number << 20 | way << 1 | is_late)
                active.add(person.number)
        return Spent(codes, active)

    def age(self, day: date) -> int:
        return (self.state.today - day).days

    def scope(self, account: Account) -> BitMap:
        """The numbers of the people whose use the account's reports show."""
        with self._lock:
            known = self._in_scope.get(id(account))
            if known is None:
                known = BitMap(
                    person.number
                    for person in self.people
                    if isinstance(account, Enterprise) or account in person.organizations
                )
                self._in_scope[id(account)] = known
            return known

    def seen(self, account: Account, day: date) -> Iterator[tuple[Somebody, Way, bool]]:
        """(person, way, is the way cut to its early part), as exports of today show the day."""
        members, ways = self.scope(account), self.ways(day)
        age = self.age(day)
        for code in self.spent(day).codes:
            number, way, late = code >> 20, ways[code >> 1 & 0x7FFFF], code & 1
            if number not in members:
                continue
            if late and age < SETTLED_AT:
                if age < SETTLED_AT - 1 or way.partial is None or number % 2:
                    continue
                yield self.people[number], way, True
            else:
                yield self.people[number], way, False

    # Reports ------------------------------------------------------------------------------------

    def report(self, account: Account, name: str, day: str) -> Report | None:
        """What `Reports` asks for when a test has put nothing in."""
        if day == "latest":
            return self._latest(account, name)
        asked = date.fromisoformat(day)
        if not self._is_published(asked):
            return None
        makers: dict[str, Callable[[Account, date], Sequence[Any]]] = {
            "users-1-day": self._users,
            "organization-1-day": self._totals,
            "enterprise-1-day": self._totals,
            "user-teams-1-day": self._user_teams,
            "repos-1-day": self._repositories,
        }
        maker = makers.get(name)
        parts = maker(account, asked) if maker else []
        return Report(parts, form=self.options.form) if parts else None

    def _is_published(self, day: date) -> bool:
        return self.first_day <= day <= self.newest_day

    @property
    def newest_day(self) -> date:
        """The newest day that has been published. It moves on with the clock."""
        newest = self.state.today - self.options.published_after * DAY
        return min(newest, self._last_day) if self._last_day else newest

    def _keys(self, account: Account, day: date, *before: tuple[str, Any]) -> dict[str, Any]:
        keys: dict[str, Any] = {**dict(before), "day": day.isoformat()}
        if isinstance(account, Organization):
            keys["organization_id"] = str(account.id)
        if self.enterprise is not None:
            keys["enterprise_id"] = str(self.enterprise.id)
        return keys

    def lines(self, account: Account, day: date, *before: tuple[str, Any]) -> list[bytes]:
        """The day's lines of the per-user report, as exports of today show it."""
        start = msgspec.json.encode(self._keys(account, day, *before))[:-1] + b","
        return [
            start + person.opening(day) + (way.partial_body if is_cut else way.body)
            for person, way, is_cut in self.seen(account, day)
        ]

    def _parts(self, lines: list[bytes]) -> list[bytes]:
        size = self.options.part_lines
        form = self.options.form
        pieces = [lines[start : start + size] for start in range(0, len(lines), size)]
        if form == "array":
            return [b"[" + b",\n".join(piece) + b"]" for piece in pieces]
        if form == "bom-crlf":
            return [b"\xef\xbb\xbf" + b"\r\n".join(piece) for piece in pieces]
        return [b"\n".join(piece) + b"\n" for piece in pieces]

    def _users(self, account: Account, day: date) -> list[Callable[[], bytes]]:
        """Parts that are made when they are fetched."""
        count = sum(1 for _ in self.seen(account, day))
        number = -(-count // self.options.part_lines)
        return [partial(self._users_part, account, day, part) for part in range(number)]

    def _users_part(self, account: Account, day: date, part: int) -> bytes:
        parts = self._parts(self.lines(account, day))
        return parts[part] if part < len(parts) else b""

    def _latest(self, account: Account, name: str) -> Report | None:
        end = self.newest_day
        start = end - (WINDOW - 1) * DAY
        days = [start + number * DAY for number in range(WINDOW) if start + number * DAY >= self.first_day]
        if end < self.first_day:
            return None
        window = (("report_start_day", start.isoformat()), ("report_end_day", end.isoformat()))
        if name == "users-28-day":
            parts: list[Any] = [
                partial(self._window_part, account, days[at : at + 7], window)
                for at in range(0, len(days), 7)
            ]
        elif name in ("organization-28-day", "enterprise-28-day"):
            parts = [partial(self._window_totals, account, days, window)]
        else:
            return None
        return Report(parts, start, end)

    def _window_part(self, account: Account, days: list[date], window: tuple[tuple[str, Any], ...]) -> bytes:
        lines = [line for day in days for line in self.lines(account, day, *window)]
        return b"\n".join(lines) + b"\n"

    def _window_totals(
        self, account: Account, days: list[date], window: tuple[tuple[str, Any], ...]
    ) -> bytes:
        """The wrapper; a silent day is not in it."""
        keys = self._keys(account, days[-1])
        del keys["day"]
        totals = [self.totals(account, day) for day in days if self.spent(day).codes]
        return msgspec.json.encode({**dict(window), **keys, "day_totals": totals})

    def _totals(self, account: Account, day: date) -> list[bytes]:
        if not self.spent(day).codes:
            return []
        return [msgspec.json.encode(self.totals(account, day)) + b"\n"]

    def totals(self, account: Account, day: date) -> dict[str, Any]:
        """The account's day: true sums and distinct counts of its people's lines."""
        ways: Counter[tuple[int, bool]] = Counter()
        by_id: dict[int, Way] = {}
        for _, way, is_cut in self.seen(account, day):
            by_id[id(way)] = way
            ways[id(way), is_cut] += 1
        done: list[tuple[Activity, int, int]] = []
        for (key, is_cut), count in ways.items():
            way = by_id[key]
            activity = way.partial if is_cut and way.partial else way.activity
            done.append((activity, way.phase, count))
        return self._keys(account, day) | self._distinct(account, day) | _sums(done)

    def _who(self, account: Account, day: date, days: int, test: Callable[[Activity], bool]) -> int:
        """Distinct people of the trailing days for whom the test holds."""
        found = BitMap()
        for back in range(days):
            found |= self._matching(account, day - back * DAY, test)
        return len(found)

    def _matching(self, account: Account, day: date, test: Callable[[Activity], bool]) -> BitMap:
        if not self.spent(day).codes:
            return BitMap()
        if self.age(day) >= SETTLED_AT and test is _everybody:
            return self.spent(day).everybody & self.scope(account)
        return BitMap(
            person.number
            for person, way, is_cut in self.seen(account, day)
            if test(way.partial if is_cut and way.partial else way.activity)
        )

    def _distinct(self, account: Account, day: date) -> dict[str, int]:
        figures = {
            "daily_active_users": self._who(account, day, 1, _everybody),
            "weekly_active_users": self._who(account, day, 7, _everybody),
            "monthly_active_users": self._who(account, day, WINDOW, _everybody),
            "daily_active_cli_users": self._who(account, day, 1, lambda each: each.cli is not None),
            "daily_active_copilot_app_users": self._who(account, day, 1, lambda each: each.app is not None),
        }
        # The month's chat and agent users only where they cost little.
        if len(self.people) <= self.options.small:
            for noun, test in (("chat", _chats), ("agent", _uses_agent)):
                figures[f"monthly_active_{noun}_users"] = self._who(account, day, WINDOW, test)
        return figures

    def _user_teams(self, account: Account, day: date) -> list[bytes]:
        if day < USER_TEAMS_SINCE:
            return []
        rows: dict[int, list[tuple[Somebody, Team]]] = {}
        for person in self.people:
            if person.is_seated and person.first_day <= day <= person.last_day:
                for team in person.teams_on(day):
                    if team.account is account:
                        rows.setdefault(team.id, []).append((person, team))
        start = msgspec.json.encode(self._keys(account, day))[:-1] + b","
        lines = []
        for members in rows.values():
            if len(members) < SMALLEST_REPORTED_TEAM:
                continue
            team = members[0][1]
            end = b'"team_id":%d,"slug":%b}' % (team.id, msgspec.json.encode(self._slug_on(team, day)))
            lines += [start + person.opening(day) + end for person, _ in members]
        return self._parts(lines)

    def _slug_on(self, team: Team, day: date) -> str:
        until, old = self.old_slugs.get(team.id, (date.min, ""))
        return old if day < until else team.slug

    def _repositories(self, account: Account, day: date) -> list[bytes]:
        if day < REPOSITORIES_SINCE or not self.spent(day).codes:
            return []
        owners = (
            account.organizations
            if isinstance(account, Enterprise)
            else [each for each in self.state.organizations if each is account]
        )
        records = [
            self._keys(account, day) | {"organization_id": str(owner.id)} | repository
            for owner in owners
            for repository in _repositories(self.seed, owner, day)
        ]
        return self._parts([msgspec.json.encode(record) for record in records])


@dataclass(frozen=True)
class Options:
    """How the reports look."""

    part_lines: int = 4_000
    # How many days after a day closes its reports appear, counted from the day itself.
    published_after: int = 2
    form: Form = "ndjson"
    # Up to so many people the costly distinct counts are made.
    small: int = 2_000


# Ways of spending a day --------------------------------------------------------------------------


def _kind(rng: Random) -> Person:
    """A kind of developer: a persona with editors, languages and models of its own."""
    personas = [persona for persona in PERSONAS.values() if persona.weight and persona.is_reported]
    persona = rng.choices([*personas, PERSONAS["never"]], [*(each.weight for each in personas), 12])[0]
    ides = rng.choices(
        (("vscode",), ("intellij",), ("visualstudio",), ("vscode", "intellij"), ("neovim",)),
        (55, 20, 8, 10, 7),
    )[0]
    return Person(
        id=1,
        name="",
        email="",
        persona=persona,
        logins=[(date.min, "x")],
        organizations=(),
        ides=ides,
        languages=tuple(rng.sample(LANGUAGES, rng.randint(1, 4))),
        models=tuple(rng.sample(MODELS, rng.randint(1, 3))),
    )


def _phase(persona: str) -> int:
    """An adoption phase that fits: the figures of phases need not be exact here."""
    return {"agent": 3, "cli": 2, "reviewed": 2, "mixed": 1, "completion": 1, "doubter": 1}.get(persona, 0)


def _body(person: Person, day: date, activity: Activity, phase: int) -> bytes:
    facts = record(person, day, activity, phase)
    del facts["user_id"], facts["user_login"]
    return msgspec.json.encode(facts)[1:]


def _everybody(activity: Activity) -> bool:
    return True


def _chats(activity: Activity) -> bool:
    return activity.used_chat


def _uses_agent(activity: Activity) -> bool:
    return activity.used_agent


def _times(numbers: tuple[int, ...], count: int) -> Any:
    return tuple(number * count for number in numbers)


def _sums(done: list[tuple[Activity, int, int]]) -> dict[str, Any]:
    """The counters and breakdowns of activities, each done by so many people."""
    cells: list[Cell] = []
    counters = [0] * 7
    phases: Counter[int] = Counter()
    cli, app = Surface(0, 0, 0, 0, 0), Surface(0, 0, 0, 0, 0)
    for activity, phase, count in done:
        phases[phase] += count
        cells += [cell._replace(numbers=_times(cell.numbers, count)) for cell in activity.cells]
        for index, number in enumerate(activity.numbers):
            counters[index] += number * count
        for _ in range(count):
            cli = cli + activity.cli if activity.cli else cli
            app = app + activity.app if activity.app else app
    people = sum(phases.values())
    facts: dict[str, Any] = {
        **counted(counters),
        **panel_modes(cells),
        **breakdowns(cells),
        "totals_by_ai_adoption_phase": [
            {"phase": PHASE_NAMES[phase], "phase_number": phase, "total_engaged_users": count}
            for phase, count in sorted(phases.items())
        ],
        "pull_requests": _pull_requests(people),
    }
    if cli.sessions:
        facts["totals_by_cli"] = cli.record()
    if app.sessions:
        facts["totals_by_copilot_app"] = app.record()
    return facts


def _pull_requests(people: int) -> dict[str, Any]:
    created = people // 4
    merged = created * 3 // 4
    pulls: dict[str, Any] = {
        "total_created": created,
        "total_reviewed": created * 9 // 10,
        "total_merged": merged,
        "total_suggestions": created * 3,
        "total_applied_suggestions": created,
        "total_created_by_copilot": created // 8,
        "total_reviewed_by_copilot": created // 3,
        "total_merged_created_by_copilot": merged // 8,
        "total_copilot_suggestions": created,
        "total_copilot_applied_suggestions": created // 3,
    }
    if merged:
        pulls["median_minutes_to_merge"] = 240.5
    return pulls


def _repositories(seed: int, owner: Organization, day: date) -> Iterator[dict[str, Any]]:
    rng = Random(f"{seed}:{owner.id}:{day}:repositories")
    for number in range(8):
        if rng.random() < 0.6:
            yield {
                "repo_id": owner.id * 100 + number,
                "repo_owner_name": owner.login,
                "repo_name": f"service-{number}",
                "repo_visibility": ("private", "internal", "public")[number % 3],
                "pull_requests": _pull_requests(rng.randint(4, 60)),
            }


# The people --------------------------------------------------------------------------------------


@dataclass
class Hiring:
    """Puts people, teams and seats into a state."""

    company: Company
    state: State
    rng: Random
    organizations: list[Organization]
    enterprise: Enterprise | None
    # The teams that people join, by organization.
    homes: dict[int, list[Team]] = field(default_factory=dict)
    guilds: list[Team] = field(default_factory=list)

    def make_teams(self, count: int) -> None:
        """One in twelve is the enterprise's; of the others one in ten is a child of the one before it."""
        guilds = count // 12 if self.enterprise else 0
        for number in range(guilds):
            assert self.enterprise is not None
            chosen = [self.organizations[number % len(self.organizations)]]
            self.guilds.append(self.enterprise.team(f"Guild {number + 1}", organizations=chosen))
        for number in range(count - guilds):
            organization = self.organizations[number % len(self.organizations)]
            own = self.homes.setdefault(organization.id, [])
            parent = own[-1] if own and len(own) % 10 == 9 else None
            team = organization.team(f"Team {number + 1}", parent=parent)
            team.is_seated = number % 10 < 6
            own.append(team)
            if number % 25 == 7:
                # Renamed in the middle of the period: the days before keep the old slug.
                self.company.old_slugs[team.id] = (self.company.middle, team.slug)
                team.rename(f"Crew {number + 1}")

    def somebody(self, *, is_seated: bool, is_gone: bool = False) -> Somebody:
        """A new person in one organization and mostly one team."""
        rng, company = self.rng, self.company
        number = len(company.people)
        first, last = FIRST_NAMES[number % len(FIRST_NAMES)], LAST_NAMES[number * 7 % len(LAST_NAMES)]
        login = f"{first}-{last}-{number}".lower()
        identity = 10_000_001 + number * 13
        if is_gone:
            facts = WatchedDict(shapes.user(login, identity))
        else:
            facts = self.state.user(login, identity, f"{first} {last}", f"{login}@octo.example")
        organization = self.organizations[min(int(rng.random() ** 1.5 * len(self.organizations)), 99)]
        person = Somebody(
            number, facts, rng.randrange(company.kinds), (organization,), [], is_seated=is_seated
        )
        homes = self.homes.get(organization.id, [])
        # Every tenth team stays tiny: too small for the report.
        size = max(len(homes) * 9 // 10, 1)
        if homes and rng.random() < 0.9:
            person.teams.append(homes[rng.randrange(size)])
        company.people.append(person)
        if is_gone:
            person.last_day = self.company.middle
        elif rng.random() < 0.005:
            person.renamed_on, person.old_login = self.company.middle, f"old-{login}"
        elif rng.random() < 0.01 and len(homes) > 1 and person.teams:
            person.moved_on, person.old_team = self.company.middle, homes[rng.randrange(size)]
        if not is_gone:
            self._join(person)
        person.key = _opening(identity, login)
        person.old_key = _opening(identity, person.old_login)
        return person

    def _join(self, person: Somebody) -> None:
        for organization in person.organizations:
            organization.members.append(person.facts)
        for team in person.teams:
            team.members.append(person.facts)

    def also_in(self, person: Somebody, organization: Organization) -> None:
        if organization not in person.organizations:
            person.organizations = (*person.organizations, organization)
            organization.members.append(person.facts)

    def fill_tiny_teams(self) -> None:
        """Three people each, for the teams that nobody chose."""
        for organization in self.organizations:
            homes = self.homes.get(organization.id, [])
            spare = [each for each in self.company.people if each.organizations == (organization,)]
            for team in homes:
                if not team.members and not team.children():
                    for person in self.rng.sample(spare, min(3, len(spare))):
                        if person.last_day == date.max:
                            person.teams.append(team)
                            team.members.append(person.facts)

    def grant(self, person: Somebody, last_used: dict[int, date]) -> None:
        """The seat, as most have it, or in one of the ways that make a roster interesting."""
        rng = self.rng
        roll = rng.random()
        home, team = person.organizations[0], person.teams[0] if person.teams else None
        used = last_used.get(person.number)
        if self.enterprise is not None and roll < 0.005:
            self._seat(self.enterprise, person, None, used)
        elif self.enterprise is not None and self.guilds and roll < 0.02:
            guild = rng.choice(self.guilds)
            person.teams.append(guild)
            guild.members.append(person.facts)
            self._seat(self.enterprise, person, guild, used)
        elif roll < 0.03 and team is not None and len(self.homes[home.id]) > 1:
            # Under two teams: two rows, one licence.
            other = next(each for each in self.homes[home.id] if each is not team)
            person.teams.append(other)
            other.members.append(person.facts)
            self._seat(home, person, team, used)
            self._seat(home, person, other, used)
        elif roll < 0.06 and len(self.organizations) > 1:
            # In two organizations, in one case out of two with a seat from each.
            other_home = next(each for each in self.organizations if each is not home)
            self.also_in(person, other_home)
            self._seat(home, person, None, used)
            if roll < 0.045:
                self._seat(other_home, person, None, used)
        else:
            self._seat(home, person, team if team is not None and team.is_seated else None, used)

    def _seat(self, account: Account, person: Somebody, team: Team | None, used: date | None) -> None:
        rng, today = self.rng, self.state.today
        granted = today - timedelta(days=20 + int(880 * rng.random() ** 2))
        granted_at = datetime.combine(granted, time(8, person.number % 60), UTC)
        kind = self.company._kinds[person.kind]
        roll = rng.random()
        moment: datetime | None = None
        if used is not None and kind.persona.is_seen_by_seat:
            moment = datetime.combine(used, time(7 + person.number % 12, person.number % 60), UTC)
        elif kind.persona.is_seen_by_seat and roll < 0.3:
            moment = datetime.combine(today - timedelta(days=30 + int(roll * 190)), time(9, 30), UTC)
        signed_in = moment - timedelta(days=person.number % 9) if moment and person.number % 3 else None
        ends = None
        if roll > 0.99:
            ends = (today.replace(day=1) + timedelta(days=32)).replace(day=1).isoformat()
        organization = account if isinstance(account, Organization) else None
        account.seats.append(
            shapes.seat(
                person.facts,
                created_at=_with_offset(granted_at, person.number),
                last_activity_at=_with_offset(moment, person.number) if moment else None,
                last_activity_editor=editor_text(kind.ides[0], moment.date()) if moment else None,
                last_authenticated_at=shapes.stamp(signed_in) if signed_in else None,
                pending_cancellation_date=ends,
                plan_type=organization.billing["plan_type"] if organization else "enterprise",
                assigning_team=team.facts if team else None,
            )
        )


def _opening(identity: int, login: str) -> bytes:
    return b'"user_id":%d,"user_login":%b,' % (identity, json.dumps(login).encode())


def _with_offset(moment: datetime, number: int) -> str:
    """Some times come with an offset of their own; the moment is the same."""
    if number % 5:
        return shapes.stamp(moment)
    return (moment - timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%S-06:00")


def _last_used(company: Company) -> dict[int, date]:
    """The newest day on which each person did something, as far as a seat list looks back."""
    found: dict[int, date] = {}
    day = company.newest_day
    oldest = max(company.first_day, day - timedelta(days=88))
    while day >= oldest:
        for number in company.spent(day).everybody:
            found.setdefault(number, day)
        day -= DAY
    return found


def company_state(
    seats: int = 20_000,
    teams: int = 200,
    days: int = 28,
    seed: int = 1,
    *,
    organizations: int = 3,
    enterprise: str | None = "octo-enterprise",
    last_day: date | None = None,
    legacy_days: int = 0,
    token: str = "t0ken",
    limit: int = 5000,
    now: Callable[[], datetime] = utc_now,
    **options: Any,
) -> State:
    """A company in which `seats` people hold a licence, with `days` days of reports.

    The newest day published at `now()` is the last of `days`; new ones come as the clock moves on, none
    after `last_day` if that is given. `options`: the look of the reports, see `Options`. An enterprise
    with several organizations, or (enterprise=None) organizations that stand alone. Among the people:
    seats under two teams, in two organizations, from the enterprise and its teams, pending ones; members
    without a seat; others who left, moved or took another login in the middle of the period; renamed
    teams, teams too small for a report; a silent day. With `legacy_days` the two older systems are open
    and have so many days, up to yesterday.
    """
    state = State(now)
    look = Options(**options)
    # Few people need few ways of spending a day.
    kinds = min(seats // 4 + 8, MOST_KINDS)
    company = Company(state, seed, last_day, days, kinds, look)
    state.company = company
    above = state.enterprise(enterprise, 40_817) if enterprise else None
    company.enterprise = above
    made = []
    for number in range(organizations):
        known = number < len(ORGANIZATION_NAMES)
        login = ORGANIZATION_NAMES[number] if known else f"octo-unit-{number + 1}"
        made.append(state.organization(login, 5_000_101 + number * 17, enterprise=above))
        made[-1].billing["plan_type"] = "enterprise" if number == 1 else "business"
    hiring = Hiring(company, state, Random(f"{seed}:people"), made, above)
    hiring.make_teams(teams)
    for _ in range(seats):
        hiring.somebody(is_seated=True)
    for _ in range(max(seats // 25, 1)):
        hiring.somebody(is_seated=False)
    for _ in range(max(seats // 100, 1)):
        hiring.somebody(is_seated=True, is_gone=True)
    hiring.fill_tiny_teams()
    last_used = _last_used(company)
    for person in company.people[:seats]:
        hiring.grant(person, last_used)
    for account in (*state.organizations, *state.enterprises):
        account.reports.source = partial(company.report, account)
    if legacy_days:
        legacy.fill(state, seed, legacy_days)
    state.token(token, limit=limit)
    for organization in made:
        organization.member("octocat", role="admin")
    return state
