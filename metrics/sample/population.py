"""Hiring the company: everybody ordinary by chance, and a few people for every case that matters."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from metrics.sample.calendar import DAY, at
from metrics.sample.people import (
    FIRST_NAMES,
    LAST_NAMES,
    PERSONAS,
    Grant,
    Organization,
    Person,
    Stay,
    Team,
)
from metrics.sample.usage import LANGUAGES, MODELS

ORGANIZATIONS = (
    Organization(71_204_511, "octo-apps", "Octo Apps", "business", 0.5),
    Organization(71_204_733, "octo-platform", "Octo Platform", "enterprise", 0.34),
    Organization(88_410_092, "octo-labs", "Octo Labs", "business", 0.16),
)
APPS, PLATFORM, LABS = ORGANIZATIONS

# Slug, organization, then: grants seats, is small, is reluctant. The order is who goes last when a
# company is to have fewer teams.
TEAM_PLAN = (
    ("checkout", APPS, True, False, False),
    ("runtime", PLATFORM, True, False, False),
    ("architecture-guild", None, True, False, False),
    ("skunkworks", LABS, False, True, False),
    ("quality", APPS, True, False, True),
    ("research", LABS, False, False, False),
    ("data-platform", PLATFORM, False, False, False),
    ("mobile", APPS, False, False, False),
    ("security", PLATFORM, True, False, False),
    ("storefront", APPS, False, False, False),
    ("developer-experience", PLATFORM, False, False, False),
    ("search", APPS, True, False, False),
)
SMALL_TEAM_SIZE = 3
# How long ago (days before the last one) ordinary people got their seats.
OLDEST_SEAT, YOUNGEST_SEAT = 700, 120


def make_teams(count: int) -> list[Team]:
    """`count` teams: the planned ones first, numbered squads after them."""
    planned = [
        Team(
            id=9_100_000 + 37 * number,
            slug=slug if organization else f"ent:{slug}",
            name=slug.replace("-", " ").capitalize(),
            organization=organization,
            grants_seats=grants,
            is_small=is_small,
            is_reluctant=is_reluctant,
        )
        for number, (slug, organization, grants, is_small, is_reluctant) in enumerate(TEAM_PLAN)
    ]
    squads = [
        Team(9_200_000 + 37 * n, f"squad-{n}", f"Squad {n}", ORGANIZATIONS[n % len(ORGANIZATIONS)])
        for n in range(1, max(count - len(planned), 0) + 1)
    ]
    return (planned + squads)[:count]


@dataclass(slots=True)
class Hiring:
    """Makes people one after the other; every choice comes from `rng`."""

    rng: Random
    teams: Sequence[Team]
    first_day: date
    last_day: date
    _number: int = 0
    _taken: set[str] = field(default_factory=set)

    def hire(self, count: int) -> list[Person]:
        """`count` people: the special cast first, as many of them as fit."""
        people: list[Person] = []
        for make in SPECIAL_CAST:
            people += make(self)
        people = people[:count]
        while len(people) < count:
            people.append(self.somebody())
        self._fill_small_teams(people)
        return people

    # People ------------------------------------------------------------------------------------

    def ago(self, days: float, hour: float = 9.5) -> datetime:
        """A moment on the day that many days before the last one."""
        return at(self.last_day - timedelta(days=int(days)), hour)

    def middle(self) -> date:
        return self.first_day + (self.last_day - self.first_day) // 2

    def person(self, persona: str, organization: Organization, granted_at: datetime | None = None) -> Person:
        """Somebody with a seat granted directly by one organization."""
        rng = self.rng
        granted = granted_at or self.ago(rng.randint(YOUNGEST_SEAT, OLDEST_SEAT), 8 + 9 * rng.random())
        name, login = self._name()
        self._number += 1
        identity = 10_402_000 + 7919 * self._number + rng.randrange(7000)
        person = Person(
            id=identity,
            name=name,
            email=f"{login}@octo-industries.example",
            persona=PERSONAS[persona],
            logins=[(date.min, login)],
            organizations=(organization,),
            grants=[Grant(organization, None, granted)],
            active_from=granted.date(),
            ides=self._ides(),
            languages=tuple(rng.sample(LANGUAGES, rng.randint(1, 4))),
            models=tuple(rng.sample(MODELS, rng.randint(1, 3))),
            node_id=base64.b64encode(f"04:User{identity}".encode()).decode(),
        )
        if rng.random() < 0.25:
            away = self.first_day + timedelta(days=rng.randrange((self.last_day - self.first_day).days + 1))
            person.breaks.append((away, away + timedelta(days=rng.choice((4, 6, 11, 13)))))
        return person

    def _name(self) -> tuple[str, str]:
        first, last = self.rng.choice(FIRST_NAMES), self.rng.choice(LAST_NAMES)
        style = self.rng.randrange(4)
        plain = (
            f"{first[0]}{last}".lower(),
            f"{first}-{last}".lower(),
            f"{first}{last}",
            f"{last}{first[0]}".lower(),
        )[style]
        login, number = plain, 1
        while login.lower() in self._taken:
            number += 1
            login = f"{plain}{number}"
        self._taken.add(login.lower())
        return f"{first} {last}", login

    def _ides(self) -> tuple[str, ...]:
        roll = self.rng.random()
        for limit, ides in (
            (0.55, ("vscode",)),
            (0.75, ("intellij",)),
            (0.83, ("visualstudio",)),
            (0.93, ("vscode", "intellij")),
            (0.96, ("neovim",)),
        ):
            if roll < limit:
                return ides
        return ("xcode", "vscode")

    # Ordinary people ---------------------------------------------------------------------------

    def somebody(self) -> Person:
        rng = self.rng
        personas = [persona for persona in PERSONAS.values() if persona.weight]
        persona = rng.choices(personas, [persona.weight for persona in personas])[0].name
        organization = rng.choices(ORGANIZATIONS, [each.weight for each in ORGANIZATIONS])[0]
        team = self._team_of(organization)
        if team and team.is_reluctant and rng.random() < 0.6:
            persona = rng.choice(("dabbler", "never", "doubter"))
        person = self.person(persona, organization)
        if team:
            self.join(person, team)
        self._turn(person, rng.random())
        return person

    def _team_of(self, organization: Organization) -> Team | None:
        teams = [team for team in self.teams if team.organization is organization and not team.is_small]
        return self.rng.choice(teams) if teams and self.rng.random() < 0.86 else None

    def join(self, person: Person, team: Team, first: date = date.min, last: date | None = None) -> None:
        """Put somebody into a team; one that grants seats then grants theirs."""
        person.stays.append(Stay(team, first, last))
        own = next((grant for grant in person.grants if grant.organization is team.organization), None)
        if team.grants_seats and own is not None and first == date.min and self.rng.random() < 0.9:
            own.team = team

    def _turn(self, person: Person, roll: float) -> None:
        """What happens to an ordinary person over the weeks: mostly nothing."""
        rng, length = self.rng, (self.last_day - self.first_day).days
        if roll < 0.05:
            self.leave(person, self.first_day + timedelta(days=rng.randint(3, max(length - 2, 4))))
        elif roll < 0.12:
            self.arrive(person, rng.randint(0, max(length - 2, 1)))
        elif roll < 0.19:
            self.stop(person, rng.randint(8, 130))
        elif roll < 0.24:
            person.persona = PERSONAS["never"]
            person.grants[0].created_at = self.ago(rng.randint(2, 200))
        elif roll < 0.28:
            self._move(person, self.first_day + timedelta(days=rng.randint(2, max(length - 2, 3))))
        elif roll < 0.34:
            self._second_team(person)
        elif roll < 0.37:
            other = rng.choice([each for each in ORGANIZATIONS if each not in person.organizations])
            self.also_in(person, other, seated=rng.random() < 0.5)
        elif roll < 0.41:
            guild = next((team for team in self.teams if team.organization is None), None)
            if guild:
                person.stays.append(Stay(guild, date.min))

    def _second_team(self, person: Person) -> None:
        own = {stay.team for stay in person.stays}
        team = self._team_of(person.organizations[0])
        if team and team not in own:
            person.stays.append(Stay(team, date.min))

    def _move(self, person: Person, day: date) -> None:
        """Change teams; a seat that came with the old team comes with the new one, or directly."""
        team = self._team_of(person.organizations[0])
        if not person.stays or team is None or team is person.stays[0].team:
            return
        person.stays[0].last = day - DAY
        person.stays.append(Stay(team, day))
        if person.grants[0].team:
            person.grants[0].last = day - DAY
            granting = team if team.grants_seats else None
            person.grants.append(Grant(person.organizations[0], granting, at(day, 0.5)))

    def leave(self, person: Person, day: date) -> None:
        """The last day at the company, seat and all."""
        person.active_until = min(person.active_until, day)
        for grant in person.grants:
            grant.last = day
        for stay in person.stays:
            stay.last = day

    def arrive(self, person: Person, days_ago: int) -> None:
        granted = self.ago(days_ago, 8.25)
        person.active_from = granted.date()
        for grant in person.grants:
            grant.created_at = granted
        for stay in person.stays:
            stay.first = granted.date()

    def stop(self, person: Person, days_ago: int) -> None:
        """Use nothing after that many days ago, but keep the seat."""
        person.active_until = self.last_day - timedelta(days=days_ago)
        person.used_once_at = self.ago(days_ago, 11 + 6 * self.rng.random())

    def also_in(self, person: Person, organization: Organization, *, seated: bool) -> None:
        person.organizations = (*person.organizations, organization)
        if seated:
            person.grants.append(Grant(organization, None, person.grants[0].created_at))

    def cancel(self, person: Person, days_ago: int) -> None:
        """Cancel the seat in the running cycle, so that it is pending on the last day."""
        day = max(self.last_day - timedelta(days=days_ago), self.last_day.replace(day=1))
        for grant in person.grants:
            grant.cancelled_on = day

    def _fill_small_teams(self, people: list[Person]) -> None:
        for team in self.teams:
            if not team.is_small:
                continue
            idle_hands = [
                person
                for person in people
                if person.organizations == (team.organization,) and not person.stays
            ]
            for person in idle_hands[:SMALL_TEAM_SIZE]:
                person.stays.append(Stay(team, date.min))


# The special cast ------------------------------------------------------------------------------


def _renamed(hiring: Hiring) -> Iterator[Person]:
    """Took another name, and with it another login, in the middle of the period."""
    person = hiring.person("agent", APPS)
    hiring.join(person, hiring.teams[0])
    old = person.logins[0][1]
    person.logins.append((hiring.middle(), f"{old}-{hiring.rng.choice(LAST_NAMES).lower()}"))
    yield person


def _login_changes_hands(hiring: Hiring) -> Iterator[Person]:
    """Somebody left; later somebody new took the login that had become free."""
    length = (hiring.last_day - hiring.first_day).days
    leaver = hiring.person("mixed", APPS)
    hiring.leave(leaver, hiring.first_day + timedelta(days=round(length * 0.4)))
    heir = hiring.person("mixed", PLATFORM)
    hiring.arrive(heir, round(length * 0.3))
    heir.logins = [(date.min, leaver.logins[0][1])]
    heir.email = f"{heir.name.replace(' ', '.').lower()}@octo-industries.example"
    yield leaver
    yield heir


def _executives(hiring: Hiring) -> Iterator[Person]:
    """Two with a seat from the enterprise itself that they hardly use: the demo exempts them."""
    for days in (64, 230):
        person = hiring.person("dabbler", APPS, hiring.ago(400))
        hiring.stop(person, days)
        person.grants[0].organization = None
        person.organizations = ()
        yield person


def _cancelled(hiring: Hiring) -> Iterator[Person]:
    for persona, days in (("mixed", 3), ("never", 9), ("chat", 1)):
        person = hiring.person(persona, APPS)
        hiring.cancel(person, days)
        yield person


def _never_used(hiring: Hiring) -> Iterator[Person]:
    """Granted so long ago: never used, nothing for 90 days if ever, in grace (twice)."""
    for days in (40, 61, 75, 140, 5, 20):
        yield hiring.person("never", PLATFORM, hiring.ago(days))


def _stopped(hiring: Hiring) -> Iterator[Person]:
    """The last has been silent for so long that GitHub forgets it within the period."""
    for days in (31, 45, 62, 95):
        person = hiring.person("mixed", APPS)
        hiring.stop(person, days)
        hiring.join(person, hiring.teams[0])
        yield person


def _sources(hiring: Hiring) -> Iterator[Person]:
    """One for each way of being seen, and one whom only a passive review saw."""
    for persona in (
        "reviewed",
        "github.com",
        "server side",
        "chat",
        "cli",
        "completion",
        "doubter",
        "collector",
    ):
        yield hiring.person(persona, PLATFORM)


def _signs_in(hiring: Hiring) -> Iterator[Person]:
    """Signs in and does nothing."""
    person = hiring.person("mixed", LABS)
    hiring.stop(person, 50)
    person.signs_in_idly = True
    yield person


def _granted_again(hiring: Hiring) -> Iterator[Person]:
    """The seat was granted anew: GitHub forgot the first date, we did not."""
    person = hiring.person("dabbler", LABS)
    hiring.stop(person, 55)
    person.grants[0].granted_again_at = at(hiring.middle(), 10)
    yield person


def _several_seats(hiring: Hiring) -> Iterator[Person]:
    """In two organizations; directly and by a team; by an organization and by the enterprise."""
    both = hiring.person("mixed", APPS)
    hiring.also_in(both, PLATFORM, seated=True)
    yield both
    twice = hiring.person("agent", APPS)
    twice.stays.append(Stay(hiring.teams[0], date.min))
    twice.grants.append(Grant(APPS, hiring.teams[0], twice.grants[0].created_at + DAY))
    yield twice
    upstairs = hiring.person("chat", PLATFORM)
    upstairs.grants.append(Grant(None, None, upstairs.grants[0].created_at))
    yield upstairs


def _movers(hiring: Hiring) -> Iterator[Person]:
    """Changed teams in the middle: the past stays with the old team."""
    for index in range(2):
        person = hiring.person("agent", APPS)
        homes = [team for team in hiring.teams if team.organization is APPS] or list(hiring.teams)
        middle = hiring.middle() + timedelta(days=index)
        person.stays = [Stay(homes[0], date.min, middle - DAY), Stay(homes[-1], middle)]
        yield person


def _guild(hiring: Hiring) -> Iterator[Person]:
    """Seats from an enterprise team."""
    guild = next((team for team in hiring.teams if team.organization is None), None)
    for index in range(6 if guild else 0):
        person = hiring.person("agent" if index % 2 else "mixed", PLATFORM)
        person.grants = [Grant(None, guild, person.grants[0].created_at)]
        if guild:
            person.stays.append(Stay(guild, date.min))
        yield person


def _small_team(hiring: Hiring) -> Iterator[Person]:
    """People of no other team, for the team that is too small to be reported."""
    for persona in ("agent", "mixed", "chat"):
        yield hiring.person(persona, LABS)


SPECIAL_CAST: tuple[Callable[[Hiring], Iterator[Person]], ...] = (
    _renamed,
    _login_changes_hands,
    _executives,
    _cancelled,
    _never_used,
    _stopped,
    _sources,
    _signs_in,
    _granted_again,
    _several_seats,
    _movers,
    _guild,
    _small_team,
)


def strangers(rng: Random, count: int = 3) -> list[str]:
    """Logins that only the activity report knows: their seats came after the last seat list."""
    return [f"new-hire-{rng.randrange(100, 1000)}-{number}" for number in range(count)]
