"""Who works at the company: names, habits, teams, seats, and what happens to them over the weeks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

_FIRST_NAMES = """
Ada Amir Anouk Aiko Bela Bruno Carla Chidi Clara Dario Dana Edda Elias Emre Fatou Felix Freya Gael Greta Hana
Hugo Ida Ilya Ines Ivo Jana Jonas Jun Kaya Kofi Lars Leila Lena Luca Maja Malik Marta Mei Mila Nadia Nils Noor
Olga Omar Otto Paula Pia Quinn Rafa Rhea Rosa Samir Selma Sofia Tariq Tess Theo Uma Vera Yara Zoe
"""
_LAST_NAMES = """
Abara Adler Almeida Bakker Barros Becker Brandt Castel Cordova Dahl Delgado Dimas Eklund Engel Falk Ferro
Fontaine Garza Grieg Haas Halvorsen Hartmann Ibarra Ito Jansen Jokinen Kade Keller Kimura Kowal Kruse Lang
Laurent Lindqvist Lund Marek Mensah Moreau Nakano Nilsen Novak Okafor Olsen Osei Pereira Petrov Quist Ramos
Reuter Rossi Sato Schaefer Silva Sorel Tanaka Thorne Ulrich Valdez Vogel Weber Wolff Yilmaz Zeman
"""
FIRST_NAMES, LAST_NAMES = tuple(_FIRST_NAMES.split()), tuple(_LAST_NAMES.split())


@dataclass(frozen=True, slots=True)
class Organization:
    id: int
    login: str
    name: str
    plan_type: str
    # How many of the company's people work here, against the others.
    weight: float


@dataclass(frozen=True, slots=True)
class Team:
    """A team of an organization, or of the enterprise itself (no organization)."""

    id: int
    slug: str
    name: str
    organization: Organization | None
    grants_seats: bool = False
    is_small: bool = False
    # People of this team are less inclined to use Copilot.
    is_reluctant: bool = False


@dataclass(frozen=True, slots=True)
class Persona:
    """A way of using Copilot. Chances are per working day; volumes are against a busy developer's."""

    name: str
    weight: float
    chance: float
    volume: float = 1.0
    completion: float = 0.0
    ask: float = 0.0
    edit: float = 0.0
    inline: float = 0.0
    plan: float = 0.0
    agent: float = 0.0
    cli: float = 0.0
    app: float = 0.0
    cloud_agent: float = 0.0
    review: float = 0.0
    passive_review: float = 0.0
    acceptance: float = 0.31
    # Has lines in the usage reports, and a last activity in the seat list: not everybody has both.
    is_reported: bool = True
    is_seen_by_seat: bool = True
    has_breakdowns: bool = True


PERSONAS = {
    persona.name: persona
    for persona in (
        Persona("agent", 16, 0.86, 1.3, completion=0.8, ask=0.4, plan=0.25, agent=0.95, cli=0.15, app=0.08,
                cloud_agent=0.22, review=0.3, passive_review=0.3),
        Persona("mixed", 30, 0.74, 0.9, completion=0.95, ask=0.6, edit=0.25, inline=0.35, agent=0.3,
                review=0.12, passive_review=0.2),
        Persona("completion", 16, 0.78, 1.1, completion=1.0),
        Persona("chat", 10, 0.55, 0.7, ask=1.0, inline=0.4),
        Persona("cli", 7, 0.7, 0.8, completion=0.3, cli=1.0, agent=0.2),
        Persona("dabbler", 9, 0.13, 0.35, completion=0.8, ask=0.4),
        Persona("doubter", 4, 0.5, 0.8, completion=0.9, ask=0.8, acceptance=0.05),
        Persona("collector", 2, 0.4, 0.5, ask=1.0, acceptance=0.0),
        Persona("server side", 2, 0.5, 0.5, ask=1.0, has_breakdowns=False, is_seen_by_seat=False),
        Persona("github.com", 2, 0.5, 0.0, is_reported=False),
        Persona("reviewed", 2, 0.4, 0.0, passive_review=1.0, is_seen_by_seat=False),
        Persona("never", 0, 0.0, 0.0, is_reported=False, is_seen_by_seat=False),
    )
}  # fmt: skip


@dataclass(slots=True)
class Stay:
    """Membership of a team, both ends included; None: to the end."""

    team: Team
    first: date
    last: date | None = None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(slots=True)
class Grant:
    """A seat as one organization or team grants it; no organization: the enterprise does."""

    organization: Organization | None
    team: Team | None
    created_at: datetime
    # The last day on which the seat lists show it.
    last: date | None = None
    # Cancelled on this day: until the cycle ends the list shows when.
    cancelled_on: date | None = None
    # Granted anew: from then on the list shows this moment as `created_at`.
    granted_again_at: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        return self.created_at <= moment and (self.last is None or moment.date() <= self.last)

    def created(self, moment: datetime) -> datetime:
        again = self.granted_again_at
        return again if again and again <= moment else self.created_at


@dataclass(slots=True)
class Person:
    id: int
    name: str
    email: str
    persona: Persona
    # From which day on which login, oldest first.
    logins: list[tuple[date, str]]
    organizations: tuple[Organization, ...]
    stays: list[Stay] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    active_from: date = date.min
    active_until: date = date.max
    breaks: list[tuple[date, date]] = field(default_factory=list)
    # A last use long ago that the usage reports of the period no longer show.
    used_once_at: datetime | None = None
    signs_in_idly: bool = False
    ides: tuple[str, ...] = ("vscode",)
    languages: tuple[str, ...] = ("python",)
    models: tuple[str, ...] = ("gpt-5.4",)
    node_id: str = ""

    def login_on(self, day: date) -> str:
        return next((login for first, login in reversed(self.logins) if first <= day), self.logins[0][1])

    def teams_on(self, day: date) -> list[Team]:
        return [stay.team for stay in self.stays if stay.covers(day)]

    def is_seated(self, moment: datetime) -> bool:
        return any(grant.covers(moment) for grant in self.grants)

    def may_be_active(self, day: date) -> bool:
        if not self.active_from <= day <= self.active_until:
            return False
        return not any(first <= day <= last for first, last in self.breaks)
