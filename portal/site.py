"""The admin site: its pages are the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from unfold.sites import UnfoldAdminSite


class PortalAdminSite(UnfoldAdminSite):
    site_title = "Copilot Governance Portal"
    index_title = "Home"


def stylesheet(request: HttpRequest) -> str:
    return static("portal/portal.css")


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the sidebar: shown to whoever holds the permission, if its page exists."""

    title: str
    icon: str
    url_name: str
    permission: str = ""


# Pages are named by string: the floor knows no app above it.
SIDEBAR: tuple[tuple[str, tuple[Link, ...]], ...] = (
    (
        "",
        (
            Link("Home", "home", "admin:index"),
            Link("Seats", "event_seat", "admin:seats_seat_changelist", "seats.view_seat"),
            Link("People", "person", "admin:seats_githubuser_changelist", "seats.view_githubuser"),
            Link("Teams", "groups", "admin:seats_team_changelist", "seats.view_team"),
            Link(
                "Organizations & enterprises",
                "apartment",
                "admin:seats_account_changelist",
                "seats.view_account",
            ),
        ),
    ),
    (
        "Dashboards",
        (
            Link("Overview", "monitoring", "metrics:overview", "metrics.view_scopeday"),
            Link("Adoption", "trending_up", "metrics:adoption", "metrics.view_scopeday"),
            Link("Features and chat modes", "extension", "metrics:features", "metrics.view_scopeday"),
            Link("Code generation", "code", "metrics:code-generation", "metrics.view_scopeday"),
            Link("Languages", "translate", "metrics:languages", "metrics.view_scopeday"),
            Link("Editors and versions", "edit_square", "metrics:editors", "metrics.view_scopeday"),
            Link("Models", "network_intelligence", "metrics:models", "metrics.view_scopeday"),
            Link("Pull requests and code review", "merge", "metrics:pull-requests", "metrics.view_scopeday"),
            Link("CLI and cloud agent", "terminal", "metrics:agents", "metrics.view_scopeday"),
            Link("Seats and use", "airline_seat_recline_normal", "metrics:seats", "seats.view_seat"),
            Link("Use by team", "diversity_3", "metrics:teams", "metrics.view_teamday"),
            Link("Use by person", "person_search", "metrics:people", "metrics.view_userday"),
            Link("Impact", "stacked_line_chart", "metrics:impact", "metrics.view_scopeday"),
            Link("Data health", "health_and_safety", "metrics:data-health", "portal.view_reportfile"),
            Link("My usage", "account_circle", "metrics:mine"),
        ),
    ),
    (
        "Governance",
        (
            Link(
                "Inactivity policies",
                "policy",
                "admin:seats_inactivitypolicy_changelist",
                "seats.view_inactivitypolicy",
            ),
            Link("Exemptions", "shield_person", "admin:seats_exemption_changelist", "seats.view_exemption"),
            Link(
                "Working calendars",
                "calendar_clock",
                "admin:seats_workingcalendar_changelist",
                "seats.view_workingcalendar",
            ),
        ),
    ),
    (
        "Taking seats back",
        (
            Link("Reviews", "fact_check", "admin:seats_seatreview_changelist", "seats.view_seatreview"),
            Link(
                "Batches",
                "inventory",
                "admin:seats_revocationbatch_changelist",
                "seats.view_revocationbatch",
            ),
            Link(
                "Tasks for team owners",
                "assignment_ind",
                "admin:seats_removaltask_changelist",
                "seats.view_removaltask",
            ),
            Link(
                "Seat requests", "person_add", "admin:seats_seatrequest_changelist", "seats.view_seatrequest"
            ),
            Link("Notices", "outgoing_mail", "admin:seats_notice_changelist", "seats.view_notice"),
            Link(
                "Words of notices",
                "edit_note",
                "admin:seats_noticetemplate_changelist",
                "seats.view_noticetemplate",
            ),
        ),
    ),
    (
        "Money",
        (
            Link("Savings", "savings", "admin:seats_savings", "seats.view_revocation"),
            Link("Prices", "sell", "admin:seats_seatprice_changelist", "seats.view_seatprice"),
        ),
    ),
    (
        "Use",
        (
            Link(
                "Account days",
                "calendar_month",
                "admin:metrics_scopeday_changelist",
                "metrics.view_scopeday",
            ),
            Link("User days", "person_search", "admin:metrics_userday_changelist", "metrics.view_userday"),
            Link("Team days", "group_work", "admin:metrics_teamday_changelist", "metrics.view_teamday"),
            Link(
                "Repository days",
                "source",
                "admin:metrics_repositoryday_changelist",
                "metrics.view_repositoryday",
            ),
            Link(
                "Days of older systems",
                "inventory_2",
                "admin:metrics_legacyday_changelist",
                "metrics.view_legacyday",
            ),
            Link(
                "Covered days",
                "event_available",
                "admin:metrics_reportday_changelist",
                "metrics.view_reportday",
            ),
        ),
    ),
    (
        "Data",
        (
            Link("Connections", "hub", "admin:portal_connection_changelist", "portal.view_connection"),
            Link(
                "Sync schedules",
                "event_repeat",
                "admin:portal_syncschedule_changelist",
                "portal.view_syncschedule",
            ),
            Link("Jobs", "schedule", "admin:portal_job_changelist", "portal.view_job"),
            Link("Upload a file", "upload_file", "metrics:upload", "portal.add_reportfile"),
            Link("Seat lists", "list_alt", "admin:seats_seatroster_changelist", "seats.view_seatroster"),
            Link(
                "Report files", "description", "admin:portal_reportfile_changelist", "portal.view_reportfile"
            ),
            Link(
                "Rejected lines", "rule", "admin:portal_rejectedline_changelist", "portal.view_rejectedline"
            ),
        ),
    ),
    (
        "System",
        (
            Link(
                "Background workers",
                "engineering",
                "admin:portal_workerheartbeat_changelist",
                "portal.view_workerheartbeat",
            ),
            Link("Audit log", "history", "admin:portal_auditentry_changelist", "portal.view_auditentry"),
            Link("Users", "manage_accounts", "admin:auth_user_changelist", "auth.view_user"),
            Link("Groups", "lock_person", "admin:auth_group_changelist", "auth.view_group"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar for this user: groups with nothing to show are left out."""
    groups = []
    for title, links in SIDEBAR:
        items = [item for link in links if (item := _item(link, request.user)) is not None]
        if items:
            groups.append({"title": title, "separator": bool(title), "items": items})
    return groups


def _item(link: Link, user: Any) -> dict[str, Any] | None:
    url = page_for(user, link.url_name, link.permission)
    return {"title": link.title, "icon": link.icon, "link": url} if url else None


def page_for(user: Any, url_name: str, permission: str = "") -> str:
    """The address of a page for whoever may see it; empty for others, and where the page does not exist."""
    if isinstance(user, AnonymousUser) or (permission and not user.has_perm(permission)):
        return ""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""
