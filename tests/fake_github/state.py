"""What this GitHub knows: accounts, people, teams, seats, reports, and who may ask.

Everything is plain to build and to change in a test, also while the server runs:

    state = State()
    octo = state.organization("octo")
    ada = octo.member("ada")
    octo.seats.append(seat(ada))
    octo.reports["users-1-day", "2026-11-01"] = [[{...}, {...}], [{...}]]  # two parts
    state.token("t0ken", scopes={"manage_billing:copilot", "read:org"})
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fake_github import shapes
from tests.fake_github.watched import Changes, WatchedDict, WatchedList

if TYPE_CHECKING:
    from tests.fake_github.company import Company

ALL_SCOPES = frozenset({"manage_billing:copilot", "admin:org", "admin:enterprise", "user"})
# A broader scope holds the narrower ones.
WIDER = {
    "read:org": {"write:org", "admin:org"},
    "write:org": {"admin:org"},
    "read:enterprise": {"admin:enterprise"},
    "manage_billing:enterprise": {"admin:enterprise"},
    "read:user": {"user"},
}
# From when GitHub has reports, and for how long it keeps them.
ENTERPRISE_REPORTS_SINCE = date(2025, 10, 10)
ORGANIZATION_REPORTS_SINCE = date(2025, 12, 12)
USER_TEAMS_SINCE = date(2026, 5, 14)
REPOSITORIES_SINCE = date(2026, 7, 17)
REPORTS_KEPT = timedelta(days=365)
INSTALLATION_TOKEN_LIFE = timedelta(hours=1)

Form = Literal["ndjson", "array", "gzip", "content-encoding", "bom-crlf", "pretty"]
Part = bytes | Sequence[Mapping[str, Any]]


def utc_now() -> datetime:
    return datetime.now(UTC)


# Reports -----------------------------------------------------------------------------------------


@dataclass
class Report:
    """One report: its parts, and the days it spans when it is a 28-day one."""

    parts: Sequence[Part | Callable[[], Part]]
    start_day: date | None = None
    end_day: date | None = None
    form: Form = "ndjson"


class Reports(dict[tuple[str, str], Any]):
    """(name, day or "latest") → parts. None: no report, told as `Account.no_report` says. []: 200, no links.

    What is not in here is asked of `source`, if there is one.
    """

    source: Callable[[str, str], Report | None] | None = None

    def find(self, name: str, day: str) -> Report | None:
        entry = self[name, day] if (name, day) in self else self.source and self.source(name, day)
        if entry is None or isinstance(entry, Report):
            return entry
        return Report(entry)


# Teams -------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Team:
    """Of an organization, or of an enterprise (`ent:` slug). `members` are its own, without child teams'."""

    account: Account
    facts: WatchedDict
    parent: Team | None = None
    members: list[WatchedDict] = field(default_factory=list)
    maintainers: set[int] = field(default_factory=set)
    # Invited, but not yet there: not in the member list, `pending` as a membership.
    invited: list[WatchedDict] = field(default_factory=list)
    # Of an enterprise team: the organizations it is assigned to.
    organizations: list[Organization] = field(default_factory=list)
    # The team holds seats: new members get one, and lose it with the team.
    is_seated: bool = False

    @property
    def id(self) -> int:
        return int(self.facts["id"])

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def slug(self) -> str:
        return str(self.facts["slug"])

    @property
    def is_enterprise(self) -> bool:
        return isinstance(self.account, Enterprise)

    def rename(self, name: str, slug: str | None = None) -> None:
        """Another name and slug; the id stays. Seats that name the team show it at once."""
        self.facts["name"] = name
        self.facts["slug"] = slug or (f"ent:{slugify(name)}" if self.is_enterprise else slugify(name))

    def record(self) -> dict[str, Any]:
        """As `GET /orgs/{org}/teams` lists it."""
        if not isinstance(self.account, Enterprise):
            return {**self.facts, "parent": self.parent.reference() if self.parent else None}
        url = f"{shapes.API}/enterprises/{self.account.login}/teams/{self.slug}"
        return {
            "id": self.id,
            "node_id": shapes.node_id("Team", self.id),
            "name": self.name,
            "slug": self.slug,
            "description": None,
            "privacy": "closed",
            "permission": "pull",
            "url": url,
            "html_url": self.facts["html_url"],
            "members_url": self.facts["members_url"],
            "repositories_url": f"{url}/repos",
            "type": "enterprise",
            "enterprise_id": self.account.id,
            "parent": None,
        }

    def reference(self) -> dict[str, Any]:
        """As a child team names its parent."""
        return {key: value for key, value in self.facts.items() if key != "parent"}

    def children(self) -> list[Team]:
        return [team for team in self.account.teams if team.parent is self]

    def everybody(self) -> list[tuple[WatchedDict, bool]]:
        """(person, inherited from a child team), each person once."""
        found: dict[int, tuple[WatchedDict, bool]] = {each["id"]: (each, False) for each in self.members}
        for child in self.children():
            for person, _ in child.everybody():
                found.setdefault(person["id"], (person, True))
        return list(found.values())


def slugify(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


# Accounts ----------------------------------------------------------------------------------------


class Account:
    """What organizations and enterprises have in common."""

    def __init__(self, state: State, login: str, number: int, name: str) -> None:
        self.state = state
        self.id = number
        self.name = name
        self._login = login
        self.seats = WatchedList()
        self.teams: list[Team] = []
        self.reports = Reports()
        # The older systems: team slug ("" for the account itself) → days, oldest first.
        self.legacy_metrics: dict[str, list[dict[str, Any]]] = {}
        self.legacy_usage: dict[str, list[dict[str, Any]]] = {}
        self.copilot_is_enabled = True
        # Logins, in lower case, with which every write is refused (422) in these words, if need be only
        # after the others were done; and those that a write passes over without a word.
        self.stubborn: set[str] = set()
        self.refuses_late = False
        self.refusal = "The user cannot be changed."
        self.passed_over: set[str] = set()
        self.metrics_policy_is_on = True
        # How a report that does not exist is told: 204, 404, or "empty" for 200 without links.
        self.no_report: Literal[204, 404, "empty"] = 204
        self._encoded: tuple[int, date, list[bytes], int] | None = None
        self._encoding = threading.Lock()

    @property
    def login(self) -> str:
        return self._login

    def rows(self) -> list[dict[str, Any]]:
        """The seat list, one row for each grant."""
        raise NotImplementedError

    def settle(self) -> None:
        """Seats whose cycle has ended are gone."""
        today = self.state.today.isoformat()
        lasting = [seat for seat in self.seats if (seat.get("pending_cancellation_date") or "9") > today]
        if len(lasting) < len(self.seats):
            self.seats[:] = lasting

    def encoded_rows(self) -> tuple[list[bytes], int]:
        """The rows as JSON and `total_seats`, encoded anew only after a change."""
        with self._encoding:
            today = self.state.today
            if self._encoded is None or self._encoded[:2] != (Changes.number, today):
                self.settle()
                number = Changes.number
                rows = self.rows()
                encode = msgspec.json.Encoder().encode
                self._encoded = (number, today, [encode(row) for row in rows], total_seats(rows))
            return self._encoded[2], self._encoded[3]

    def seats_of(self, login: str) -> list[dict[str, Any]]:
        return [row for row in self.rows() if holder(row) == login.lower()]

    def find_team(self, key: str) -> Team | None:
        """By slug; an enterprise's also by id or without the prefix."""
        for team in self.teams:
            if key in (team.slug, str(team.id)) or (team.is_enterprise and team.slug == f"ent:{key}"):
                return team
        return None

    def report(self, name: str, day: str) -> Report | None:
        return self.reports.find(name, day)


def holder(row: Mapping[str, Any]) -> str | None:
    """The login of a seat's holder in lower case."""
    assignee = row.get("assignee")
    return str(assignee["login"]).lower() if assignee else None


def total_seats(rows: Iterable[Mapping[str, Any]]) -> int:
    """Everybody counts once; a seat without a holder counts by itself."""
    people, nobody = set(), 0
    for row in rows:
        assignee = row.get("assignee")
        if assignee:
            people.add(assignee["id"])
        else:
            nobody += 1
    return len(people) + nobody


class Organization(Account):
    def __init__(
        self, state: State, login: str, number: int, name: str, enterprise: Enterprise | None = None
    ) -> None:
        super().__init__(state, login, number, name)
        self.facts = WatchedDict(shapes.organization(login, number))
        self.members: WatchedList = WatchedList()
        self.admins: set[int] = set()
        self.enterprise = enterprise
        self.created_at = datetime(2020, 1, 15, 9, tzinfo=UTC)
        # `seat_breakdown` is counted unless a test puts one in.
        self.billing = WatchedDict(
            seat_management_setting="assign_selected",
            public_code_suggestions="block",
            ide_chat="enabled",
            platform_chat="enabled",
            cli="enabled",
            plan_type="business",
        )
        self.has_payment_problem = False
        # People whose invitation is still open: a seat may be theirs, a look-up answers 422.
        self.invited: set[str] = set()

    @property
    def login(self) -> str:
        return str(self.facts["login"])

    def rename(self, login: str) -> None:
        """Another login; the id stays, and the old login is free."""
        self.facts["login"] = login

    def member(self, login: str, number: int | None = None, *, role: str = "member", **more: Any) -> Any:
        """Somebody who is in the organization from now on."""
        person = self.state.user(login, number, **more)
        if person not in self.members:
            self.members.append(person)
        if role == "admin":
            self.admins.add(person["id"])
        return person

    def remove(self, person: WatchedDict) -> None:
        """Somebody leaves: out of the organization, its teams and its seats at once."""
        number = person["id"]
        for people in (self.members, *(team.members for team in self.teams)):
            people[:] = [each for each in people if each["id"] != number]
        self.seats[:] = [seat for seat in self.seats if (seat.get("assignee") or {}).get("id") != number]
        self.admins.discard(number)

    def team(
        self,
        name: str,
        *,
        slug: str | None = None,
        number: int | None = None,
        parent: Team | None = None,
        members: Iterable[WatchedDict] = (),
    ) -> Team:
        """A new team of the organization."""
        number = number or self.state.next_id()
        slug = slug or slugify(name)
        url = f"{shapes.API}/organizations/{self.id}/team/{number}"
        facts = WatchedDict(
            id=number,
            node_id=shapes.node_id("Team", number),
            name=name,
            slug=slug,
            description=None,
            privacy="closed",
            notification_setting="notifications_enabled",
            permission="pull",
            url=url,
            html_url=f"{shapes.WEB}/orgs/{self.login}/teams/{slug}",
            members_url=f"{url}/members{{/member}}",
            repositories_url=f"{url}/repos",
            type="organization",
            organization_id=self.id,
            parent=None,
        )
        if parent:
            facts["parent"] = parent.reference()
        team = Team(self, facts, parent, list(members))
        self.teams.append(team)
        return team

    def rows(self) -> list[dict[str, Any]]:
        return self.seats

    def all_teams(self) -> list[Team]:
        """Its own, and the enterprise's that are assigned to it."""
        above = self.enterprise.teams if self.enterprise else []
        return [*self.teams, *(team for team in above if self in team.organizations)]

    def seat_breakdown(self) -> dict[str, int]:
        self.settle()
        first_of_month = self.state.today.replace(day=1).isoformat()
        people: dict[int, list[dict[str, Any]]] = {}
        for row in self.seats:
            if row.get("assignee"):
                people.setdefault(row["assignee"]["id"], []).append(row)
        active = added = pending = 0
        for rows in people.values():
            active += any((row.get("last_activity_at") or "") >= first_of_month for row in rows)
            added += all(row["created_at"] >= first_of_month for row in rows)
            pending += all(row.get("pending_cancellation_date") for row in rows)
        return {
            "total": len(people),
            "added_this_cycle": added,
            "pending_cancellation": pending,
            "pending_invitation": len(self.invited),
            "active_this_cycle": active,
            "inactive_this_cycle": len(people) - active,
        }


class Enterprise(Account):
    def __init__(self, state: State, slug: str, number: int, name: str) -> None:
        super().__init__(state, slug, number, name)
        self.no_report = "empty"
        self.organizations: list[Organization] = []
        # Cancelling enterprise teams answers 202 and happens a little later.
        self.is_asynchronous = False
        self.members_extra: list[WatchedDict] = []

    def rows(self) -> list[dict[str, Any]]:
        rows = [row if "organization" in row else {**row, "organization": None} for row in self.seats]
        for organization in self.organizations:
            facts = organization.facts
            rows += [
                row if "organization" in row else {**row, "organization": facts} for row in organization.seats
            ]
        return rows

    def settle(self) -> None:
        super().settle()
        for organization in self.organizations:
            organization.settle()

    def team(
        self,
        name: str,
        *,
        slug: str | None = None,
        number: int | None = None,
        members: Iterable[WatchedDict] = (),
        organizations: Iterable[Organization] = (),
    ) -> Team:
        """A new enterprise team."""
        number = number or self.state.next_id()
        slug = slug or f"ent:{slugify(name)}"
        url = f"{shapes.API}/enterprises/{self.login}/teams/{slug}"
        facts = WatchedDict(
            id=number,
            name=name,
            slug=slug,
            url=url,
            html_url=f"{shapes.WEB}/enterprises/{self.login}/teams/{slug}",
            members_url=f"{url}/members{{/member}}",
            organization_selection_type="selected",
            group_id=None,
            created_at="2025-02-03T10:00:00Z",
            updated_at="2025-02-03T10:00:00Z",
        )
        team = Team(self, facts, None, list(members), organizations=list(organizations))
        self.teams.append(team)
        return team

    def people(self) -> dict[str, WatchedDict]:
        """Everybody of any of its organizations, or with a seat of its own, by login in lower case."""
        found = {
            person["login"].lower(): person
            for organization in self.organizations
            for person in organization.members
        }
        for row in self.seats:
            if row.get("assignee"):
                found.setdefault(row["assignee"]["login"].lower(), row["assignee"])
        return found | {person["login"].lower(): person for person in self.members_extra}


# Who may ask -------------------------------------------------------------------------------------

Kind = Literal["classic", "fine-grained", "installation", "app"]


@dataclass(eq=False)
class Token:
    """A credential. Tokens of one person share one budget, as at GitHub."""

    value: str
    kind: Kind
    login: str
    scopes: frozenset[str] = frozenset()
    permissions: dict[str, str] = field(default_factory=dict)
    # Logins and slugs it may see; None: all.
    accounts: frozenset[str] | None = None
    # Logins that demand single sign-on which this token has not been authorised for.
    needs_sso: frozenset[str] = frozenset()
    # Requests an hour.
    limit: int = 5000
    expires_at: datetime | None = None
    is_revoked: bool = False
    installation: Installation | None = None
    app: App | None = None

    @property
    def budget(self) -> str:
        """Whose budget its requests count against."""
        if self.kind == "installation":
            return f"installation:{self.installation and self.installation.id}"
        return f"app:{self.app.id}" if self.app else f"user:{self.login}"

    def has_scope(self, scope: str) -> bool:
        wider = WIDER.get(scope, set())
        return scope in self.scopes or bool(wider & self.scopes)

    def sees(self, account: Account) -> bool:
        return self.accounts is None or account.login.lower() in self.accounts


@dataclass(eq=False)
class Installation:
    id: int
    app: App
    account: Account
    permissions: dict[str, str]
    is_suspended: bool = False
    limit: int = 5000


@dataclass(eq=False)
class App:
    """A GitHub App: its private key signs the requests for tokens."""

    id: int
    client_id: str
    name: str
    private_key: str
    public_key: Any
    owner: WatchedDict
    state: State
    installations: list[Installation] = field(default_factory=list)

    def install(
        self, account: Account, permissions: Mapping[str, str] | None = None, **more: Any
    ) -> Installation:
        """On an organization or an enterprise; by default with all permissions the portal asks for."""
        if permissions is None:
            permissions = (
                {"enterprise_copilot_metrics": "read", "organization_copilot_seat_management": "read"}
                if isinstance(account, Enterprise)
                else {
                    "members": "read",
                    "organization_administration": "read",
                    "organization_copilot_metrics": "read",
                    "organization_copilot_seat_management": "write",
                }
            )
        installation = Installation(self.state.next_id(), self, account, dict(permissions), **more)
        self.installations.append(installation)
        return installation


@cache
def key_pair(number: int = 0) -> tuple[str, Any]:
    """(private key as PEM, public key), made once for each number: making one is slow."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return pem.decode(), key.public_key()


class State:
    """A whole GitHub. `now` gives its time (aware, UTC); the machine's by default."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.now = now
        self.organizations: list[Organization] = []
        self.enterprises: list[Enterprise] = []
        self.users: dict[int, WatchedDict] = {}
        self._by_login: dict[str, WatchedDict] = {}
        self.tokens: dict[str, Token] = {}
        self.apps: list[App] = []
        # The older systems are closed, as at GitHub today.
        self.serves_legacy_metrics = False
        self.serves_legacy_usage = False
        # Paths that a smaller server has not: 404 for everybody.
        self.unserved: set[str] = set()
        self.versions = ["2022-11-28", "2026-03-10"]
        self.retired_versions: set[str] = set()
        # Sent as `Deprecation` and `Sunset` with these versions' answers.
        self.sunset: dict[str, datetime] = {}
        # The status of an answer beyond the primary limit: 403 or 429.
        self.limit_status: Literal[403, 429] = 403
        # More requests a minute to one endpoint than this meet the secondary limit; None: not watched.
        self.points_per_minute: int | None = None
        # How long signed links to report files work.
        self.link_life = timedelta(minutes=10)
        self.lock = threading.RLock()
        # Whose people these are, when `company_state` made the state.
        self.company: Company | None = None
        self._ids = itertools.count(70_001)
        self._issued = itertools.count(1)

    @property
    def today(self) -> date:
        return self.now().date()

    def next_id(self) -> int:
        return next(self._ids)

    # Building ----------------------------------------------------------------------------------

    def user(
        self, login: str, number: int | None = None, name: str | None = None, email: str | None = None
    ) -> WatchedDict:
        """The person with that login, made if there is none."""
        known = self._by_login.get(login.lower())
        if known is not None and known["login"].lower() == login.lower() and number in (None, known["id"]):
            return known
        number = number or self.next_id()
        person = WatchedDict(shapes.user(login, number, name, email))
        self.users[number] = self._by_login[login.lower()] = person
        return person

    def rename_user(self, person: WatchedDict, login: str) -> None:
        """Another login; the id stays. Every list shows it at once."""
        self._by_login.pop(person["login"].lower(), None)
        person.update(shapes.user(login, person["id"], person.get("name"), person.get("email")))
        self._by_login[login.lower()] = person

    def organization(
        self,
        login: str,
        id: int | None = None,  # noqa: A002 - as GitHub calls it
        name: str = "",
        enterprise: Enterprise | None = None,
    ) -> Organization:
        """The organization with that login, made if there is none."""
        known = self.find_organization(login)
        if known is not None:
            return known
        made = Organization(self, login, id or self.next_id(), name or login.title(), enterprise)
        self.organizations.append(made)
        if enterprise is not None:
            enterprise.organizations.append(made)
        return made

    def enterprise(
        self,
        slug: str,
        id: int | None = None,  # noqa: A002
        name: str = "",
        organizations: Iterable[Organization] = (),
    ) -> Enterprise:
        """The enterprise with that slug, made if there is none; the organizations become its own."""
        made = self.find_enterprise(slug)
        if made is None:
            made = Enterprise(self, slug, id or self.next_id(), name or slug.title())
            self.enterprises.append(made)
        for organization in organizations:
            organization.enterprise = made
            made.organizations.append(organization)
        Changes.number += 1
        return made

    def token(
        self,
        value: str,
        *,
        scopes: Iterable[str] = ALL_SCOPES,
        kind: Literal["classic", "fine-grained"] = "classic",
        login: str = "octocat",
        permissions: Mapping[str, str] | None = None,
        accounts: Iterable[str] | None = None,
        needs_sso: Iterable[str] = (),
        limit: int = 5000,
        expires_at: datetime | None = None,
    ) -> Token:
        """A personal access token. A fine-grained one has permissions instead of scopes."""
        token = Token(
            value,
            kind,
            login,
            frozenset(scopes) if kind == "classic" else frozenset(),
            dict(permissions or {}),
            None if accounts is None else frozenset(each.lower() for each in accounts),
            frozenset(each.lower() for each in needs_sso),
            limit,
            expires_at,
        )
        self.user(login)
        self.tokens[value] = token
        return token

    def app(self, id: int | None = None, name: str = "Portal", key: int = 0) -> App:  # noqa: A002
        """A GitHub App. `key` chooses another key pair."""
        number = id or self.next_id()
        private, public = key_pair(key)
        app = App(number, f"Iv23li{number:06d}", name, private, public, self.user("octocat"), self)
        self.apps.append(app)
        return app

    def delete_user(self, person: WatchedDict) -> None:
        """The person closes the account: gone from everywhere, and the login is free."""
        for organization in self.organizations:
            organization.remove(person)
        for enterprise in self.enterprises:
            for team in enterprise.teams:
                team.members[:] = [each for each in team.members if each["id"] != person["id"]]
            enterprise.seats[:] = [
                seat for seat in enterprise.seats if (seat.get("assignee") or {}).get("id") != person["id"]
            ]
        self.users.pop(person["id"], None)
        self._by_login.pop(person["login"].lower(), None)

    # Finding -----------------------------------------------------------------------------------

    def find_organization(self, login: str) -> Organization | None:
        wanted = login.lower()
        return next((each for each in self.organizations if each.login.lower() == wanted), None)

    def find_enterprise(self, slug: str) -> Enterprise | None:
        return next((each for each in self.enterprises if each.login == slug), None)

    def find_user(self, login: str) -> WatchedDict | None:
        return self._by_login.get(login.lower())

    def find_app(self, issuer: str) -> App | None:
        return next((app for app in self.apps if issuer in (str(app.id), app.client_id)), None)

    def find_installation(self, number: int) -> Installation | None:
        return next(
            (each for app in self.apps for each in app.installations if each.id == number),
            None,
        )

    def issue(self, installation: Installation, permissions: Mapping[str, str]) -> Token:
        """A token of an installation: it lives an hour."""
        value = f"ghs_{installation.id}_{next(self._issued):06d}_" + "x" * 480
        token = Token(
            value,
            "installation",
            installation.app.name,
            permissions=dict(permissions),
            accounts=frozenset({installation.account.login.lower()}),
            limit=installation.limit,
            expires_at=self.now() + INSTALLATION_TOKEN_LIFE,
            installation=installation,
            app=installation.app,
        )
        self.tokens[value] = token
        return token

    # Files -------------------------------------------------------------------------------------

    def write_files(self, folder: Path, **options: Any) -> list[Any]:
        """The same data as files an admin would have saved; see `tests.fake_github.files`."""
        from tests.fake_github.files import write_files

        return write_files(self, folder, **options)
