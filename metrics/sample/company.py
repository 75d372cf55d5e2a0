"""A made-up company, the same for the same seed: its people, what they do each day, and who holds a seat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from metrics.sample.calendar import DAY, at, days_between, is_holiday
from metrics.sample.dice import dice
from metrics.sample.people import Organization, Person, Team
from metrics.sample.population import ORGANIZATIONS, Hiring, make_teams, strangers
from metrics.sample.usage import Activity, spend_day

# Longer trailing windows than GitHub's own (28 days) look no further back.
WINDOW = 28
# GitHub's last activity is at most this many hours late, and at most this many days old.
LONGEST_LAG_HOURS = 24
FORGOTTEN_AFTER = timedelta(days=90)
# A team with fewer seated people than this is in no report.
SMALLEST_REPORTED_TEAM = 5
# After this many days a day's figures are settled.
SETTLED_AFTER = 3


@dataclass(frozen=True, slots=True)
class Enterprise:
    id: int = 40_817
    slug: str = "octo-industries"
    name: str = "Octo Industries"


Scope = Enterprise | Organization


@dataclass(frozen=True)
class Company:
    """`days` days ending on `last_day`. Nothing here depends on the clock, only on these five values."""

    last_day: date
    seed: int = 7
    people: int = 400
    teams: int = 12
    days: int = 90
    enterprise: Enterprise = Enterprise()

    @property
    def organizations(self) -> tuple[Organization, ...]:
        return ORGANIZATIONS

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (self.enterprise, *self.organizations)

    @property
    def first_day(self) -> date:
        return self.last_day - timedelta(days=self.days - 1)

    @cached_property
    def team_list(self) -> list[Team]:
        return make_teams(self.teams)

    @cached_property
    def staff(self) -> list[Person]:
        """Everybody who ever holds a seat in the period."""
        hiring = Hiring(dice(self.seed, "people"), self.team_list, self.first_day, self.last_day)
        return hiring.hire(self.people)

    @cached_property
    def executives(self) -> list[Person]:
        """Those with a seat that the enterprise itself granted, and hardly any use for it."""
        return [
            person
            for person in self.staff
            if not person.organizations and all(grant.organization is None for grant in person.grants)
        ]

    @cached_property
    def strangers(self) -> list[str]:
        return strangers(dice(self.seed, "strangers"))

    # What they do ------------------------------------------------------------------------------

    @cached_property
    def active_days(self) -> dict[int, set[date]]:
        """The days on which each person does something, from before the period: windows look back."""
        start = self.first_day - timedelta(days=WINDOW) - FORGOTTEN_AFTER
        zeal = {day: self.zeal(day) for day in days_between(start, self.last_day)}
        found: dict[int, set[date]] = {}
        for person in self.staff:
            chances = dice(self.seed, person.id, "presence")
            rolls = {day: chances.random() for day in zeal}
            found[person.id] = {
                day
                for day, roll in rolls.items()
                if roll < person.persona.chance * zeal[day] and person.may_be_active(day)
            }
        return found

    def zeal(self, day: date) -> float:
        """How lively a day is: weekends and holidays are quiet, and Copilot slowly catches on."""
        if is_holiday(day):
            return 0.05
        if day.weekday() >= 5:
            return 0.09
        weekday = (1.0, 1.08, 1.1, 1.04, 0.86)[day.weekday()]
        return weekday * (0.97 + 0.0008 * (day - self.first_day).days)

    @cached_property
    def activities(self) -> dict[date, dict[int, Activity]]:
        """Every reported person's day, from a window before the period to its end."""
        start = self.first_day - timedelta(days=WINDOW)
        found: dict[date, dict[int, Activity]] = {day: {} for day in days_between(start, self.last_day)}
        for person in self.staff:
            if not person.persona.is_reported:
                continue
            for day in sorted(self.active_days[person.id]):
                if day >= start:
                    rng = dice(self.seed, person.id, day)
                    found[day][person.id] = spend_day(person, day, rng, min(self.zeal(day), 1.0) + 0.05)
        return found

    @cached_property
    def people_by_id(self) -> dict[int, Person]:
        return {person.id: person for person in self.staff}

    def seen(self, scope: Scope, day: date, age: int) -> Iterator[tuple[Person, Activity]]:
        """The lines of a day in a scope's per-user report, exported `age` days after that day."""
        for user_id, activity in self.activities.get(day, {}).items():
            person = self.people_by_id[user_id]
            if isinstance(scope, Organization) and scope not in person.organizations:
                continue
            shown = activity.seen_after(age)
            if shown is not None:
                yield person, shown

    @cached_property
    def phases(self) -> dict[date, dict[int, int]]:
        """GitHub's adoption phase of each person on each day they were active; see `phase_of`."""
        found: dict[date, dict[int, int]] = {day: {} for day in self.activities}
        for person in self.staff:
            own = [(day, done[person.id]) for day, done in self.activities.items() if person.id in done]
            for day, _ in own:
                window = [activity for other, activity in own if day - WINDOW * DAY < other <= day]
                found[day][person.id] = phase_of(window)
        return found

    # Who holds a seat --------------------------------------------------------------------------

    def team_members(self, scope: Scope, day: date) -> Iterator[tuple[Team, list[Person]]]:
        """The scope's teams as the daily report has them: seated people, no team of fewer than five."""
        organization = scope if isinstance(scope, Organization) else None
        members: dict[int, list[Person]] = {}
        evening = at(day, 23.99)
        for person in self.staff:
            if person.is_seated(evening):
                for team in person.teams_on(day):
                    members.setdefault(team.id, []).append(person)
        for team in self.team_list:
            seated = members.get(team.id, [])
            if team.organization is organization and len(seated) >= SMALLEST_REPORTED_TEAM:
                yield team, seated

    def last_activity(self, person: Person, moment: datetime) -> datetime | None:
        """What GitHub's seat list shows at a moment: up to a day late, forgotten after 90 days."""
        if not person.persona.is_seen_by_seat:
            return None
        newest = person.used_once_at
        for back in range(FORGOTTEN_AFTER.days + 1):
            day = moment.date() - back * DAY
            if day in self.active_days[person.id]:
                done = self._moment_of(person, day)
                if done + self._lag(person, day) <= moment:
                    newest = max(done, newest) if newest else done
                    break
        if newest is None or newest > moment or moment - newest > FORGOTTEN_AFTER:
            return None
        return newest

    def last_sign_in(self, person: Person, moment: datetime) -> datetime | None:
        """Most people sign in every other week or so; some do and then use nothing."""
        if person.signs_in_idly:
            return at(moment.date() - (3 + person.id % 3) * DAY, 8)
        used = self.last_activity(person, moment)
        if used is None:
            if person.persona.name != "never" or person.id % 2:
                return None
            granted = person.grants[0].created(moment) + timedelta(hours=5)
            return granted if granted <= moment and moment - granted <= FORGOTTEN_AFTER else None
        return max(used - timedelta(days=person.id % 9, hours=1), moment - FORGOTTEN_AFTER + DAY)

    def _moment_of(self, person: Person, day: date) -> datetime:
        activity = self.activities.get(day, {}).get(person.id)
        return activity.moment if activity else at(day, 8 + person.id % 9 + 0.25)

    def _lag(self, person: Person, day: date) -> timedelta:
        return timedelta(hours=1 + (person.id + day.toordinal()) % (LONGEST_LAG_HOURS - 1))


def phase_of(window: list[Activity]) -> int:
    """Phase 3: the app, or two of CLI, cloud agent and review, each on two days of the trailing 28.

    Phase 2: exactly one of them; phase 1: completions or agent edits; else 0, no cohort.
    """

    def twice(flags: Iterator[bool]) -> bool:
        return sum(flags) >= 2

    if twice(activity.app is not None for activity in window):
        return 3
    surfaces = sum(
        (
            twice(activity.cli is not None for activity in window),
            twice(activity.cloud_agent for activity in window),
            twice(bool(activity.review or activity.passive_review) for activity in window),
        )
    )
    if surfaces:
        return 3 if surfaces >= 2 else 2
    return 1 if twice(activity.counts_as_coding for activity in window) else 0
