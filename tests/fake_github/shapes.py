"""GitHub's objects as its API writes them, every required key included."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

API, WEB, AVATARS = "https://api.github.com", "https://github.com", "https://avatars.githubusercontent.com"


def stamp(moment: datetime) -> str:
    """As the API writes a moment."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()


def user(login: str, number: int, name: str | None = None, email: str | None = None) -> dict[str, Any]:
    """A person as lists name one."""
    url = f"{API}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node_id("User", number),
        "avatar_url": f"{AVATARS}/u/{number}?v=4",
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
        "name": name,
        "email": email,
    }


def simple_user(person: dict[str, Any]) -> dict[str, Any]:
    """Without name and e-mail address, which member lists do not have."""
    return {key: value for key, value in person.items() if key not in ("name", "email")}


def full_user(person: dict[str, Any], created_at: datetime) -> dict[str, Any]:
    """The token's own person, as `GET /user` tells it."""
    return {
        **person,
        "company": None,
        "blog": "",
        "location": None,
        "hireable": None,
        "bio": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": stamp(created_at),
        "updated_at": stamp(created_at),
    }


def organization(login: str, number: int, description: str | None = None) -> dict[str, Any]:
    """An organization as lists name one."""
    url = f"{API}/orgs/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node_id("Organization", number),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{AVATARS}/u/{number}?v=4",
        "description": description,
    }


def full_organization(simple: dict[str, Any], name: str, created_at: datetime) -> dict[str, Any]:
    """What `GET /orgs/{org}` adds for everybody."""
    return {
        **simple,
        "name": name,
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": 4,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": f"{WEB}/{simple['login']}",
        "type": "Organization",
        "created_at": stamp(created_at),
        "updated_at": stamp(created_at),
        "archived_at": None,
    }


def enterprise(slug: str, number: int, name: str) -> dict[str, Any]:
    """An enterprise as an installation's account names one."""
    return {
        "id": number,
        "node_id": node_id("Enterprise", number),
        "name": name,
        "slug": slug,
        "description": None,
        "website_url": None,
        "html_url": f"{WEB}/enterprises/{slug}",
        "avatar_url": f"{AVATARS}/b/{number}?v=4",
        "created_at": "2019-05-14T19:30:00Z",
        "updated_at": "2024-05-14T19:30:00Z",
    }


def seat(
    assignee: dict[str, Any] | None,
    *,
    created_at: str = "2026-06-01T09:00:00Z",
    last_activity_at: str | None = None,
    last_activity_editor: str | None = None,
    last_authenticated_at: str | None = None,
    pending_cancellation_date: str | None = None,
    plan_type: str = "business",
    assigning_team: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A seat; `organization` is filled in where the enterprise's list names it."""
    return {
        "created_at": created_at,
        "updated_at": created_at,
        "pending_cancellation_date": pending_cancellation_date,
        "last_activity_at": last_activity_at,
        "last_activity_editor": last_activity_editor,
        "last_authenticated_at": last_authenticated_at,
        "plan_type": plan_type,
        "assignee": assignee,
        "assigning_team": assigning_team,
        **more,
    }
