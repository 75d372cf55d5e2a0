"""The admin site: its pages are the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from unfold.sites import UnfoldAdminSite


class Addressing(NamedTuple):
    """What addresses and words depend on besides who reads them."""

    prefix: str
    urlconf: str
    language: str | None

    @classmethod
    def now(cls) -> Addressing:
        return cls(get_script_prefix(), str(get_urlconf() or settings.ROOT_URLCONF), get_language())


class PortalAdminSite(UnfoldAdminSite):
    site_title = "Copilot Governance Portal"
    index_title = "Home"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._contexts: dict[Addressing, dict[str, Any]] = {}

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What the template of every page gets. What the settings say to the theme is read only once.

        The theme itself would read it for each page, and list every model of every app, which few pages show.
        """
        may = self.has_permission(request)
        return {
            **self._of_the_settings(request),
            "has_permission": may,
            "available_apps": SimpleLazyObject(lambda: self.get_app_list(request)),
            "log_entries": self.get_log_entries(request),
            "templates": {"navigation": "portal/navigation.html"},
            "sidebar": sidebar(request) if may else "",
        }

    def _of_the_settings(self, request: HttpRequest) -> Mapping[str, Any]:
        key = Addressing.now()
        if key not in self._contexts:
            nobody = HttpRequest()
            nobody.user = AnonymousUser()
            nobody.META["SCRIPT_NAME"] = request.META.get("SCRIPT_NAME", "")
            context = super().each_context(nobody)
            context["colors"] = _in_one(context["colors"])
            self._contexts[key] = context
        return self._contexts[key]


def _in_one(colors: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The colours as a single one, whose value declares the others: the theme is slow to write many."""
    (name, weight, value), *others = [
        (name, weight, value) for name, weights in colors.items() for weight, value in weights.items()
    ]
    declared = "".join(f"; --color-{name}-{weight}: {value}" for name, weight, value in others)
    return {name: {weight: mark_safe(f"{value}{declared}")}}  # noqa: S308 - of the settings alone


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
        "Reports",
        (
            Link("All reports", "summarize", "reports:index"),
            Link("Saved reports", "bookmark", "admin:portal_savedreport_changelist"),
            Link(
                "Scheduled reports",
                "schedule_send",
                "admin:portal_reportschedule_changelist",
                "portal.view_reportschedule",
            ),
            Link(
                "Runs of reports",
                "work_history",
                "admin:portal_reportrun_changelist",
                "portal.view_reportrun",
            ),
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
            Link("Who belongs where", "badge", "admin:seats_assignment_changelist", "seats.view_assignment"),
            Link("Departments", "lan", "admin:seats_department_changelist", "seats.view_department"),
            Link(
                "Cost centres",
                "account_balance",
                "admin:seats_costcentre_changelist",
                "seats.view_costcentre",
            ),
            Link(
                "Team owners",
                "supervisor_account",
                "admin:seats_teamowner_changelist",
                "seats.view_teamowner",
            ),
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
            Link("Bills", "receipt_long", "admin:seats_billingline_changelist", "seats.view_billingline"),
            Link("Prices", "sell", "admin:seats_seatprice_changelist", "seats.view_seatprice"),
            Link("Prices of use", "toll", "admin:seats_unitprice_changelist", "seats.view_unitprice"),
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
                "Restatements",
                "history",
                "admin:metrics_restatement_changelist",
                "metrics.view_restatement",
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
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [
                {"title": link.title, "icon": link.icon, "link": url}
                for link, url in links
                if _may(request.user, link.permission)
            ],
        }
        for title, links in _entries(Addressing.now())
        if any(_may(request.user, link.permission) for link, _ in links)
    ]


def sidebar(request: HttpRequest) -> str:
    """The same as the theme writes it: once for all who see the same entries, at each of these."""
    addressing = Addressing.now()
    entries = [entry for _, links in _entries(addressing) for entry in links]
    shown = tuple(_may(request.user, link.permission) for link, _ in entries)
    return _written(addressing, shown, _active(entries, request.path))


@lru_cache(maxsize=512)
def _written(addressing: Addressing, shown: tuple[bool, ...], active: frozenset[str]) -> str:
    is_shown = iter(shown)
    groups = [
        (title, [(link, url) for link, url in links if next(is_shown)])
        for title, links in _entries(addressing)
    ]
    told = [
        {
            "title": title,
            "separator": bool(title),
            "items": [
                {
                    "title": link.title,
                    "icon": link.icon,
                    "link": url,
                    "active": url in active,
                    "has_permission": True,
                }
                for link, url in links
            ],
        }
        for title, links in groups
        if links
    ]
    return render_to_string("unfold/helpers/app_list.html", {"sidebar_navigation": told})


@lru_cache(maxsize=16)
def _entries(addressing: Addressing) -> list[tuple[str, list[tuple[Link, str]]]]:
    """The entries whose pages exist, with their addresses."""
    groups = []
    for title, links in SIDEBAR:
        found = []
        for link in links:
            try:
                found.append((link, reverse(link.url_name)))
            except NoReverseMatch:
                continue
        groups.append((title, found))
    return groups


def _active(entries: Iterable[tuple[Link, str]], path: str) -> frozenset[str]:
    """The addresses that the page is at or below; of the home page, which all are below, only its own."""
    home = reverse("admin:index")
    return frozenset(url for _, url in entries if (url == path if url == home else url in path))


def _may(user: Any, permission: str) -> bool:
    return not isinstance(user, AnonymousUser) and (not permission or user.has_perm(permission))


def page_for(user: Any, url_name: str, permission: str = "") -> str:
    """The address of a page for whoever may see it; empty for others, and where the page does not exist."""
    if not _may(user, permission):
        return ""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""
