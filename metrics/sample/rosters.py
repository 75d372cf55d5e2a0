"""The lists around the usage: who holds a seat, who is in which team, and the activity report."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from metrics.sample.calendar import next_cycle, stamp
from metrics.sample.company import Company, Scope
from metrics.sample.people import Grant, Organization, Person, Team
from metrics.sample.usage import editor_text

API, WEB = "https://api.github.com", "https://github.com"
ACTIVITY_COLUMNS = (
    "report_time", "login", "last_authenticated_at", "last_activity_at", "last_surface_used",
)  # fmt: skip


def seat_records(
    company: Company, moment: datetime, organization: Organization | None = None
) -> list[dict[str, Any]]:
    """The seats at a moment, one record per grant: the enterprise's list, or one organization's own."""
    records = []
    for person in company.staff:
        for grant in person.grants:
            if not grant.covers(moment):
                continue
            if organization is None:
                records.append(_seat(company, person, grant, moment, named=True))
            elif grant.organization is organization:
                records.append(_seat(company, person, grant, moment, named=False))
    return records


def _seat(company: Company, person: Person, grant: Grant, moment: datetime, *, named: bool) -> dict[str, Any]:
    used = company.last_activity(person, moment)
    signed_in = company.last_sign_in(person, moment)
    pending = grant.cancelled_on if grant.cancelled_on and grant.cancelled_on <= moment.date() else None
    record: dict[str, Any] = {
        "created_at": _with_offset(grant.created(moment), person),
        "assignee": _user(person, moment.date()),
        "pending_cancellation_date": next_cycle(pending).isoformat() if pending else None,
        "plan_type": grant.organization.plan_type if grant.organization else "enterprise",
        "last_authenticated_at": stamp(signed_in) if signed_in else None,
        "updated_at": stamp(grant.created(moment)),
        "last_activity_at": _with_offset(used, person) if used else None,
        "last_activity_editor": editor(person, used) if used else None,
        "assigning_team": _team(grant.team, company) if grant.team else None,
    }
    if named:
        record["organization"] = _organization(grant.organization) if grant.organization else None
    return record


def _with_offset(moment: datetime, person: Person) -> str:
    """Some times come with an offset of their own; the moment is the same."""
    if person.id % 5:
        return stamp(moment)
    return (moment - timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%S-06:00")


def editor(person: Person, used: datetime) -> str:
    """What the seat list names as the editor of somebody's last activity."""
    if person.persona.name == "cli":
        return "copilot-cli"
    if person.persona.name == "github.com":
        return "Copilot Chat"
    return editor_text(person.ides[0], used.date())


def _user(person: Person, day: date) -> dict[str, Any]:
    login = person.login_on(day)
    url = f"{API}/users/{login}"
    return {
        "login": login,
        "id": person.id,
        "node_id": person.node_id,
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{WEB}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "User",
        "site_admin": False,
        "name": person.name,
        "email": person.email,
    }


def _organization(organization: Organization) -> dict[str, Any]:
    url = f"{API}/orgs/{organization.login}"
    return {
        "login": organization.login,
        "id": organization.id,
        "node_id": f"O_{organization.id}",
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{organization.id}?v=4",
        "description": organization.name,
    }


def _team(team: Team, company: Company) -> dict[str, Any]:
    if team.organization is None:
        url = f"{API}/enterprises/{company.enterprise.slug}/teams/{team.id}"
        return {
            "id": team.id,
            "name": team.name,
            "slug": team.slug,
            "url": url,
            "html_url": f"{WEB}/enterprises/{company.enterprise.slug}/teams/{team.slug}",
            "members_url": f"{url}/memberships{{/member}}",
            "group_id": None,
            "type": "enterprise",
            "created_at": "2025-11-03T09:00:00Z",
            "updated_at": "2025-11-03T09:00:00Z",
        }
    url = f"{API}/organizations/{team.organization.id}/team/{team.id}"
    return {
        "id": team.id,
        "node_id": f"T_{team.id}",
        "name": team.name,
        "slug": team.slug,
        "description": f"The {team.name} team",
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "url": url,
        "html_url": f"{WEB}/orgs/{team.organization.login}/teams/{team.slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "type": "organization",
        "organization_id": team.organization.id,
        "parent": None,
    }


def team_records(company: Company, scope: Scope, day: date) -> Iterator[dict[str, Any]]:
    """The scope's user-teams report of a day: one record per person and team."""
    for team, members in company.team_members(scope, day):
        for person in members:
            yield {
                "user_id": person.id,
                "user_login": person.login_on(day),
                "day": day.isoformat(),
                **scope_keys(company, scope),
                "team_id": team.id,
                "slug": team.slug,
            }


def scope_keys(company: Company, scope: Scope) -> dict[str, str]:
    """The ids by which a record names its scope: strings, although they are numbers."""
    keys = {"enterprise_id": str(company.enterprise.id)}
    if isinstance(scope, Organization):
        keys["organization_id"] = str(scope.id)
    return keys


def activity_report(company: Company, moment: datetime, scope: Scope, strangers: bool = False) -> str:
    """The CSV behind "Get activity report": logins only, empty where nothing is known for 90 days."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(ACTIVITY_COLUMNS)
    for person in company.staff:
        held = [grant for grant in person.grants if grant.covers(moment)]
        if isinstance(scope, Organization):
            held = [grant for grant in held if grant.organization is scope]
        if held:
            used, signed_in = company.last_activity(person, moment), company.last_sign_in(person, moment)
            writer.writerow(
                (
                    stamp(moment),
                    person.login_on(moment.date()),
                    stamp(signed_in) if signed_in else "",
                    stamp(used) if used else "",
                    surface(person, used) if used else "",
                )
            )
    for login in company.strangers if strangers else []:
        writer.writerow((stamp(moment), login, "", "", ""))
    return table.getvalue()


def surface(person: Person, used: datetime) -> str:
    """The activity report's own names: "VS Code 1.89.1", "Copilot Chat", "Unspecified"."""
    if person.persona.name == "github.com":
        return "Copilot Chat"
    if person.persona.name == "cli":
        return "Unspecified"
    ide, version = editor_text(person.ides[0], used.date()).split("/")[:2]
    return f"{'VS Code' if ide == 'vscode' else ide.capitalize()} {version}"
