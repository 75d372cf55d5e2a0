"""The operations of the contract: who may call each, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import msgspec

from tests.fake_github import seat_writes, shapes
from tests.fake_github.exchange import Incoming, Refused, Reply, Request
from tests.fake_github.state import (
    ENTERPRISE_REPORTS_SINCE,
    ORGANIZATION_REPORTS_SINCE,
    REPORTS_KEPT,
    REPOSITORIES_SINCE,
    USER_TEAMS_SINCE,
    Account,
    App,
    Enterprise,
    Installation,
    Organization,
    State,
    Team,
    Token,
)

LARGEST_PAGE = 100
LEGACY_METRICS_DAYS, LEGACY_USAGE_DAYS = 100, 28


class Budget(Protocol):
    """What is left of the hour's requests."""

    def record(self) -> dict[str, int]: ...


class Links(Protocol):
    """Gives links to report files."""

    def links(self, account: Account, name: str, day: str, count: int) -> list[str]: ...


@dataclass(eq=False)
class Call:
    """A request that may be answered: its credential, its path's parts, its query."""

    state: State
    request: Request
    incoming: Incoming
    operation: Operation
    parts: dict[str, str]
    files: Links
    base_url: str
    token: Token | None = None
    app: App | None = None
    budget: Budget | None = None
    version: str = ""
    # How a roster page is shown shifted: see trouble.py.
    shift: str = ""
    is_emptied: bool = False

    @property
    def query(self) -> dict[str, str]:
        return self.request.query

    def number(self, name: str, default: int) -> int:
        """A positive number of the query; what is none counts as not given."""
        text = self.query.get(name, "")
        return max(int(text), 1) if text.isdigit() else default

    @property
    def organization(self) -> Organization:
        found = self.state.find_organization(self.parts["org"])
        if found is None or (self.token is not None and not self.token.sees(found)):
            raise Refused(404, "Not Found")
        return found

    @property
    def enterprise(self) -> Enterprise:
        found = self.state.find_enterprise(self.parts["enterprise"])
        if found is None or (self.token is not None and not self.token.sees(found)):
            raise Refused(404, "Not Found")
        return found

    @property
    def account(self) -> Account:
        return self.organization if "org" in self.parts else self.enterprise

    @property
    def team(self) -> Team:
        key = self.parts.get("team_slug") or self.parts["enterprise-team"]
        account = self.account
        if isinstance(account, Organization):
            found = next((team for team in account.all_teams() if team.slug == key), None)
        else:
            found = account.find_team(key)
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def names(self, key: str) -> list[str]:
        """The list of names that a write carries in its body."""
        body = self.request.body
        found = body.get(key) if isinstance(body, dict) else None
        if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
            raise Refused(422, "Invalid request.\n\n" + f'"{key}" wasn\'t supplied.')
        return found

    def page(self, count: int, default: int = 30) -> tuple[slice, dict[str, str]]:
        """Which of `count` items the asked page has, and the `Link` header, none for a single page."""
        size = min(self.number("per_page", default), LARGEST_PAGE)
        number = self.number("page", 1)
        last = max(-(-count // size), 1)
        wanted = {}
        if number < last:
            wanted["next"], wanted["last"] = number + 1, last
        if number > 1:
            wanted = {"prev": min(number - 1, last), **wanted, "first": 1}
        links = [f'<{self.url(page=page)}>; rel="{name}"' for name, page in wanted.items()]
        return slice((number - 1) * size, number * size), {"Link": ", ".join(links)} if links else {}

    def url(self, **changed: Any) -> str:
        query = self.query | {key: str(value) for key, value in changed.items()}
        text = "&".join(f"{key}={value.replace('+', '%2B')}" for key, value in query.items())
        return f"{self.base_url}{self.incoming.target.split('?')[0]}?{text}"

    def listing(self, items: Sequence[Any]) -> Reply:
        """A page of a plain list."""
        if self.is_emptied:
            return Reply(200, [])
        wanted, headers = self.page(len(items))
        return Reply(200, list(items[wanted]), headers)


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Operation:
    """One line of the contract. `scopes`: any of them will do, for a classic token."""

    method: str
    template: str
    handler: Handler
    scopes: tuple[str, ...] = ()
    # As `X-Accepted-GitHub-Permissions` says it: `a=read,b=read; c=write`.
    permissions: str = ""
    # An app's JWT is asked for, and nothing else.
    needs_jwt: bool = False
    # Not for installation tokens, or not for fine-grained ones.
    takes_apps: bool = True
    takes_fine_grained: bool = True
    is_public: bool = False
    is_free: bool = False
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.template.split("/")[1:]))

    @property
    def key(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def is_seat_list(self) -> bool:
        return self.template.endswith("/copilot/billing/seats")

    @property
    def is_report(self) -> bool:
        return "/metrics/reports/" in self.template

    def match(self, path: Sequence[str]) -> dict[str, str] | None:
        """The path's parts by name; the lengths are equal already."""
        parts = {}
        for name, value in zip(self.names, path, strict=True):
            if name.startswith("{"):
                if not value:
                    return None
                parts[name[1:-1]] = value
            elif name != value:
                return None
        return parts


# Seats -------------------------------------------------------------------------------------------


def list_seats(call: Call) -> Reply:
    account = call.account
    if not account.copilot_is_enabled:
        raise Refused(404, "Not Found")
    rows, total = account.encoded_rows()
    if call.is_emptied:
        return Reply(200, {"total_seats": 0, "seats": []})
    if call.shift:
        rows, total = _shifted(rows, total, call.shift)
    wanted, headers = call.page(len(rows), 50)
    return Reply(200, b'{"total_seats":%d,"seats":[%b]}' % (total, b",".join(rows[wanted])), headers)


def _shifted(rows: list[bytes], total: int, kind: str) -> tuple[list[bytes], int]:
    """The list as it is for a moment when somebody has just left, joined, or both."""
    if kind == "shift":
        return rows[1:], total - 1
    if kind == "shift-join":
        return [rows[0], *rows], total + 1
    return [*rows[1:], rows[0]], total


def one_seat(call: Call) -> Reply:
    """The organization's answer is one object."""
    organization = call.organization
    username = call.parts["username"].lower()
    if not organization.copilot_is_enabled:
        raise Refused(422, "Copilot is not enabled for this organization.")
    if username in organization.invited:
        raise Refused(422, "The user has a pending organization invitation.")
    organization.settle()
    found = organization.seats_of(username)
    if not found:
        raise Refused(404, "Not Found")
    return Reply(200, found[0])


def enterprise_seat(call: Call) -> Reply:
    """The enterprise's answer is a list: one for each that grants."""
    enterprise = call.enterprise
    if not enterprise.copilot_is_enabled:
        raise Refused(422, "Copilot is not enabled for this enterprise.")
    enterprise.settle()
    username = call.parts["username"].lower()
    if any(username in organization.invited for organization in enterprise.organizations):
        raise Refused(422, "The user has a pending organization invitation.")
    found = enterprise.seats_of(username)
    if not found:
        raise Refused(404, "Not Found")
    return Reply(200, {"total_seats": 1, "seats": found})


def billing(call: Call) -> Reply:
    organization = call.organization
    if not organization.copilot_is_enabled:
        raise Refused(404, "Not Found")
    if organization.has_payment_problem:
        raise Refused(422, "There is a problem with your account's associated payment method.")
    return Reply(200, {"seat_breakdown": organization.seat_breakdown(), **organization.billing})


def add_users(call: Call) -> Reply:
    names = call.names("selected_usernames")
    return Reply(201, {"seats_created": seat_writes.add_users(call.account, names)})


def cancel_users(call: Call) -> Reply:
    names = call.names("selected_usernames")
    return Reply(200, {"seats_cancelled": seat_writes.cancel_users(call.account, names)})


def add_teams(call: Call) -> Reply:
    names = call.names("selected_teams")
    return Reply(201, {"seats_created": seat_writes.add_teams(call.organization, names)})


def cancel_teams(call: Call) -> Reply:
    names = call.names("selected_teams")
    return Reply(200, {"seats_cancelled": seat_writes.cancel_teams(call.organization, names)})


def add_enterprise_teams(call: Call) -> Reply:
    names = call.names("selected_enterprise_teams")
    return Reply(201, {"seats_created": seat_writes.add_teams(call.enterprise, names)})


def cancel_enterprise_teams(call: Call) -> Reply:
    names = call.names("selected_enterprise_teams")
    count = seat_writes.cancel_teams(call.enterprise, names)
    if call.enterprise.is_asynchronous:
        return Reply(202, {"message": "The cancellation has been scheduled."})
    return Reply(200, {"seats_cancelled": count})


# Organizations, teams, people --------------------------------------------------------------------


def get_organization(call: Call) -> Reply:
    organization = call.organization
    record = shapes.full_organization(organization.facts, organization.name, organization.created_at)
    may_see_plan = call.token is not None and (
        call.token.has_scope("admin:org") or "organization_plan" in call.token.permissions
    )
    if may_see_plan:
        record["plan"] = {
            "name": "enterprise" if organization.enterprise else "team",
            "space": 976_562_499,
            "private_repos": 999_999,
            "filled_seats": len(organization.members),
            "seats": len(organization.members) + 10,
        }
    return Reply(200, record)


def members(call: Call) -> Reply:
    organization = call.organization
    role = call.query.get("role", "all")
    if role not in ("all", "admin", "member"):
        raise Refused(422, "Validation Failed", errors=[{"resource": "User", "code": "invalid"}])
    chosen = [
        person
        for person in organization.members
        if role == "all" or (person["id"] in organization.admins) == (role == "admin")
    ]
    reply = call.listing(chosen)
    reply.body = [shapes.simple_user(person) for person in reply.body]
    return reply


def teams(call: Call) -> Reply:
    kind = call.query.get("team_type", "all")
    found = [
        team
        for team in call.organization.all_teams()
        if kind == "all" or team.is_enterprise == (kind == "enterprise")
    ]
    reply = call.listing(found)
    reply.body = [team.record() for team in reply.body]
    return reply


def one_team(call: Call) -> Reply:
    organization, team = call.organization, call.team
    full = shapes.full_organization(organization.facts, organization.name, organization.created_at)
    return Reply(
        200,
        team.record()
        | {
            "members_count": len(team.everybody()),
            "repos_count": 0,
            "created_at": shapes.stamp(organization.created_at),
            "updated_at": shapes.stamp(organization.created_at),
            "organization": full,
        },
    )


def team_members(call: Call) -> Reply:
    """Members of child teams are in it, and say so."""
    team = call.team
    role = call.query.get("role", "all")
    found = [
        (person, inherited)
        for person, inherited in team.everybody()
        if role == "all" or (person["id"] in team.maintainers) == (role == "maintainer")
    ]
    reply = call.listing(found)
    reply.body = [
        shapes.simple_user(person)
        | {
            "role": "maintainer" if person["id"] in team.maintainers else "member",
            "inherited": inherited,
        }
        for person, inherited in reply.body
    ]
    return reply


def team_membership(call: Call) -> Reply:
    team, username = call.team, call.parts["username"].lower()
    everybody = [(person, "active") for person, _ in team.everybody()]
    for person, state in [*everybody, *((person, "pending") for person in team.invited)]:
        if person["login"].lower() == username:
            role = "maintainer" if person["id"] in team.maintainers else "member"
            return Reply(200, {"url": call.url(), "role": role, "state": state})
    raise Refused(404, "Not Found")


def enterprise_teams(call: Call) -> Reply:
    reply = call.listing(call.enterprise.teams)
    reply.body = [team.facts for team in reply.body]
    return reply


def one_enterprise_team(call: Call) -> Reply:
    return Reply(200, call.team.facts)


def enterprise_team_members(call: Call) -> Reply:
    reply = call.listing(call.team.members)
    reply.body = [shapes.simple_user(person) for person in reply.body]
    return reply


def enterprise_team_organizations(call: Call) -> Reply:
    reply = call.listing(call.team.organizations)
    reply.body = [organization.facts for organization in reply.body]
    return reply


def own_organizations(call: Call) -> Reply:
    """Those the token's person belongs to, as far as the token may see them."""
    assert call.token is not None
    login = call.token.login.lower()
    found = [
        organization
        for organization in call.state.organizations
        if any(person["login"].lower() == login for person in organization.members)
        and call.token.sees(organization)
    ]
    reply = call.listing(found)
    reply.body = [organization.facts for organization in reply.body]
    return reply


# The credential itself ---------------------------------------------------------------------------


def get_user(call: Call) -> Reply:
    assert call.token is not None
    person = call.state.user(call.token.login)
    return Reply(200, shapes.full_user(person, datetime(2019, 3, 4)))  # noqa: DTZ001 - only written out


def get_app(call: Call) -> Reply:
    assert call.app is not None
    app = call.app
    return Reply(
        200,
        {
            "id": app.id,
            "slug": app.name.lower(),
            "client_id": app.client_id,
            "node_id": shapes.node_id("App", app.id),
            "owner": app.owner,
            "name": app.name,
            "description": None,
            "external_url": "https://example.com",
            "html_url": f"{shapes.WEB}/apps/{app.name.lower()}",
            "created_at": "2024-07-08T16:18:44Z",
            "updated_at": "2024-07-08T16:18:44Z",
            "permissions": {"metadata": "read", "members": "read"},
            "events": [],
            "installations_count": len(app.installations),
        },
    )


def _installation(call: Call, installation: Installation) -> dict[str, Any]:
    account = installation.account
    is_organization = isinstance(account, Organization)
    if isinstance(account, Organization):
        named = shapes.simple_user(shapes.user(account.login, account.id)) | {"type": "Organization"}
        web = f"{shapes.WEB}/organizations/{account.login}"
    else:
        named = shapes.enterprise(account.login, account.id, account.name)
        web = f"{shapes.WEB}/enterprises/{account.login}"
    app = installation.app
    return {
        "id": installation.id,
        "account": named,
        "repository_selection": "all",
        "access_tokens_url": f"{call.base_url}/app/installations/{installation.id}/access_tokens",
        "repositories_url": f"{call.base_url}/installation/repositories",
        "html_url": f"{web}/settings/installations/{installation.id}",
        "app_id": app.id,
        "app_slug": app.name.lower(),
        "target_id": account.id,
        "target_type": "Organization" if is_organization else "Enterprise",
        "permissions": installation.permissions,
        "events": [],
        "created_at": "2024-07-09T08:00:00Z",
        "updated_at": "2024-07-09T08:00:00Z",
        "single_file_name": None,
        "suspended_by": shapes.simple_user(app.owner) if installation.is_suspended else None,
        "suspended_at": "2026-01-05T08:00:00Z" if installation.is_suspended else None,
    }


def app_installations(call: Call) -> Reply:
    assert call.app is not None
    reply = call.listing(call.app.installations)
    reply.body = [_installation(call, each) for each in reply.body]
    return reply


def installation_of(call: Call) -> Reply:
    """The look-ups by organization and by enterprise."""
    assert call.app is not None
    account = call.account
    for installation in call.app.installations:
        if installation.account is account:
            return Reply(200, _installation(call, installation))
    raise Refused(404, "Not Found")


def access_token(call: Call) -> Reply:
    """A token for an installation, narrowed when asked."""
    assert call.app is not None
    text = call.parts["installation_id"]
    installation = call.state.find_installation(int(text)) if text.isdigit() else None
    if installation is None or installation.app is not call.app:
        raise Refused(404, "Not Found")
    if installation.is_suspended:
        raise Refused(403, "This installation has been suspended")
    body = call.request.body if isinstance(call.request.body, dict) else {}
    wanted = body.get("permissions") or installation.permissions
    for name, level in wanted.items():
        have = installation.permissions.get(name)
        if have is None or (level == "write" and have == "read"):
            raise Refused(422, "The permissions requested are not granted to this installation.", errors=[])
    token = call.state.issue(installation, wanted)
    assert token.expires_at is not None
    return Reply(
        201,
        {
            "token": token.value,
            "expires_at": shapes.stamp(token.expires_at),
            "permissions": wanted,
            "repository_selection": "all",
        },
    )


def rate_limit(call: Call) -> Reply:
    """The newest version no longer repeats the core budget as `rate`."""
    assert call.budget is not None
    core = call.budget.record()
    resources = {"core": core, "search": {"limit": 30, "used": 0, "remaining": 30, "reset": core["reset"]}}
    older = {"rate": core} if call.version < "2026-03-10" else {}
    return Reply(200, {"resources": resources, **older})


def versions(call: Call) -> Reply:
    return Reply(200, [each for each in call.state.versions if each not in call.state.retired_versions])


# Reports -----------------------------------------------------------------------------------------

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def report(call: Call) -> Reply:
    """One day's, or the latest 28-day one: links to its parts."""
    account = call.account
    if not account.metrics_policy_is_on:
        raise Refused(403, "The Copilot usage metrics policy is disabled for this account.")
    if not account.copilot_is_enabled:
        raise Refused(404, "Not Found")
    names = call.operation.names
    if names[-1] == "latest":
        return _latest(call, account, names[-2])
    name, day = names[-1], _read_day(call)
    found = account.report(name, day.isoformat())
    if found is None:
        return _nothing(call, account, name, day)
    links = call.files.links(account, name, day.isoformat(), len(found.parts))
    return Reply(200, {"download_links": links, "report_day": day.isoformat()})


def _read_day(call: Call) -> date:
    text = call.query.get("day", "")
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(422, "The day parameter is required, as YYYY-MM-DD.") from None


def _latest(call: Call, account: Account, name: str) -> Reply:
    found = account.report(name, "latest")
    if found is None:
        raise Refused(404, "Not Found")
    end = found.end_day or call.state.today - timedelta(days=2)
    start = found.start_day or end - timedelta(days=27)
    links = call.files.links(account, name, "latest", len(found.parts))
    return Reply(
        200,
        {
            "download_links": links,
            "report_start_day": start.isoformat(),
            "report_end_day": end.isoformat(),
        },
    )


def _nothing(call: Call, account: Account, name: str, day: date) -> Reply:
    """A day without a report. One that GitHub cannot have is "not available"."""
    today = call.state.today
    since = {
        "user-teams-1-day": USER_TEAMS_SINCE,
        "repos-1-day": REPOSITORIES_SINCE,
    }.get(name) or (
        ENTERPRISE_REPORTS_SINCE if isinstance(account, Enterprise) else ORGANIZATION_REPORTS_SINCE
    )
    if day >= today or day < since or today - day > REPORTS_KEPT or account.no_report == 404:
        raise Refused(404, "Report not available for the requested day.")
    if account.no_report == "empty":
        return Reply(200, {"download_links": [], "report_day": day.isoformat()})
    return Reply(204)


# The two older systems ---------------------------------------------------------------------------


def legacy_metrics(call: Call) -> Reply:
    account = call.account
    if not call.state.serves_legacy_metrics:
        raise Refused(404, "Not Found")
    if not account.metrics_policy_is_on:
        raise Refused(422, "Copilot Usage Metrics API setting is disabled at the organization level.")
    return _legacy(call, account.legacy_metrics, "date", LEGACY_METRICS_DAYS, 100)


def legacy_usage(call: Call) -> Reply:
    if not call.state.serves_legacy_usage:
        raise Refused(404, "Not Found")
    return _legacy(call, call.account.legacy_usage, "day", LEGACY_USAGE_DAYS, 28)


def _legacy(call: Call, kept: dict[str, list[dict[str, Any]]], key: str, days: int, size: int) -> Reply:
    """Days until yesterday, oldest first. There is no `Link` header: a page that is not full is the last."""
    slug = call.team.slug if "team_slug" in call.parts else ""
    yesterday = call.state.today - timedelta(days=1)
    since = max(_moment(call, "since") or date.min, call.state.today - timedelta(days=days))
    until = min(_moment(call, "until") or yesterday, yesterday)
    found = [day for day in kept.get(slug, ()) if since.isoformat() <= day[key] <= until.isoformat()]
    size = min(call.number("per_page", size), size)
    start = (call.number("page", 1) - 1) * size
    return Reply(200, msgspec.json.encode(found[start : start + size]))


def _moment(call: Call, name: str) -> date | None:
    text = call.query.get(name)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).date()
    except ValueError:
        raise Refused(422, f"The {name} parameter must be a time in ISO 8601 format.") from None


# The table ---------------------------------------------------------------------------------------

SEATS_READ = ("manage_billing:copilot", "read:org")
SEATS_WRITE = ("manage_billing:copilot", "admin:org")
ENTERPRISE_READ = ("manage_billing:copilot", "read:enterprise")
ENTERPRISE_WRITE = ("manage_billing:copilot", "admin:enterprise")
SEAT_PERMISSION = "organization_copilot_seat_management"


def _operations() -> list[Operation]:
    org, ent = "/orgs/{org}", "/enterprises/{enterprise}"
    read, write = f"{SEAT_PERMISSION}=read", f"{SEAT_PERMISSION}=write"
    no_apps: dict[str, Any] = {"takes_apps": False, "takes_fine_grained": False}
    found = [
        Operation("GET", f"{org}/copilot/billing", billing, SEATS_READ, read),
        Operation("GET", f"{org}/copilot/billing/seats", list_seats, SEATS_READ, read),
        Operation("POST", f"{org}/copilot/billing/selected_users", add_users, SEATS_WRITE, write),
        Operation("DELETE", f"{org}/copilot/billing/selected_users", cancel_users, SEATS_WRITE, write),
        Operation("POST", f"{org}/copilot/billing/selected_teams", add_teams, SEATS_WRITE, write),
        Operation("DELETE", f"{org}/copilot/billing/selected_teams", cancel_teams, SEATS_WRITE, write),
        Operation("GET", f"{org}/members/{{username}}/copilot", one_seat, SEATS_READ, read),
        Operation(
            "GET", f"{ent}/copilot/billing/seats", list_seats, ENTERPRISE_READ, read, takes_fine_grained=False
        ),
        Operation(
            "POST", f"{ent}/copilot/billing/selected_users", add_users, ENTERPRISE_WRITE, write, **no_apps
        ),
        Operation(
            "DELETE",
            f"{ent}/copilot/billing/selected_users",
            cancel_users,
            ENTERPRISE_WRITE,
            write,
            **no_apps,
        ),
        Operation(
            "POST",
            f"{ent}/copilot/billing/selected_enterprise_teams",
            add_enterprise_teams,
            ENTERPRISE_WRITE,
            write,
            takes_fine_grained=False,
        ),
        Operation(
            "DELETE",
            f"{ent}/copilot/billing/selected_enterprise_teams",
            cancel_enterprise_teams,
            ENTERPRISE_WRITE,
            write,
            takes_fine_grained=False,
        ),
        Operation("GET", f"{ent}/members/{{username}}/copilot", enterprise_seat, SEATS_READ, read, **no_apps),
        Operation("GET", org, get_organization, (), "metadata=read"),
        Operation("GET", f"{org}/members", members, ("read:org",), "members=read"),
        Operation("GET", f"{org}/teams", teams, ("read:org",), "members=read"),
        Operation("GET", f"{org}/teams/{{team_slug}}", one_team, ("read:org",), "members=read"),
        Operation("GET", f"{org}/teams/{{team_slug}}/members", team_members, ("read:org",), "members=read"),
        Operation(
            "GET",
            f"{org}/teams/{{team_slug}}/memberships/{{username}}",
            team_membership,
            ("read:org",),
            "members=read",
        ),
        *(
            Operation("GET", f"{ent}/teams{rest}", handler, ("read:enterprise",), **no_apps)
            for rest, handler in (
                ("", enterprise_teams),
                ("/{team_slug}", one_enterprise_team),
                ("/{enterprise-team}/memberships", enterprise_team_members),
                ("/{enterprise-team}/organizations", enterprise_team_organizations),
            )
        ),
        Operation("GET", "/user/orgs", own_organizations, ("read:org", "user"), takes_apps=False),
        Operation("GET", "/user", get_user, takes_apps=False),
        Operation("GET", "/app", get_app, needs_jwt=True),
        Operation("GET", "/app/installations", app_installations, needs_jwt=True),
        Operation("POST", "/app/installations/{installation_id}/access_tokens", access_token, needs_jwt=True),
        Operation("GET", f"{org}/installation", installation_of, needs_jwt=True),
        Operation("GET", f"{ent}/installation", installation_of, needs_jwt=True),
        Operation("GET", "/rate_limit", rate_limit, is_public=True, is_free=True),
        Operation("GET", "/versions", versions, is_public=True, is_free=True),
    ]
    for scope, kind, scopes, permission in (
        (org, "organization", ("read:org",), "organization_copilot_metrics=read"),
        (ent, "enterprise", ENTERPRISE_READ, "enterprise_copilot_metrics=read"),
    ):
        own = {"takes_fine_grained": scope == org}
        for name in (
            f"{kind}-1-day",
            f"{kind}-28-day/latest",
            "users-1-day",
            "users-28-day/latest",
            "user-teams-1-day",
            "repos-1-day",
        ):
            template = f"{scope}/copilot/metrics/reports/{name}"
            found.append(Operation("GET", template, report, scopes, permission, **own))
        older = ("manage_billing:copilot", "read:org" if scope == org else "read:enterprise")
        for middle in ("", "/team/{team_slug}"):
            for name, handler in (("metrics", legacy_metrics), ("usage", legacy_usage)):
                template = f"{scope}{middle}/copilot/{name}"
                found.append(Operation("GET", template, handler, older, permission, **own))
    return found


OPERATIONS = _operations()
_BY_SHAPE: dict[tuple[str, int], list[Operation]] = {}
for _operation in OPERATIONS:
    _BY_SHAPE.setdefault((_operation.method, len(_operation.names)), []).append(_operation)


def find(method: str, path: Sequence[str]) -> tuple[Operation, dict[str, str]] | None:
    """The operation that answers, and the parts of the path by name."""
    for operation in _BY_SHAPE.get((method, len(path)), ()):
        parts = operation.match(path)
        if parts is not None:
            return operation, parts
    return None
