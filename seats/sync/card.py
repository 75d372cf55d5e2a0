"""The home page's word on GitHub: through what it is asked, when it last answered, a button to ask now."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from portal.cards import Action, Button, card
from portal.models import Connection, Job
from seats.models import Account
from seats.sync import now

# Whoever may add a job may have GitHub asked now.
PERMISSION = "portal.add_job"


def may_start(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.has_perm(PERMISSION) and user.has_perm("seats.view_account"))


def button(accounts: list[Account], url: str) -> Button:
    """*Sync now*, with how much of it is at work already."""
    running = len(list(now.running(accounts)))
    note = f"{running} job{'s' if running > 1 else ''} at work" if running else ""
    return Button("Sync now", url, note, f"{reverse('admin:portal_job_changelist')}?q=sync-")


@card(order=5, permission="seats.view_account")
def github(request: HttpRequest) -> Action | None:
    connections = Connection.objects.active().count()
    if not connections:
        return None
    accounts = now.connected()
    through = "1 connection" if connections == 1 else f"{connections} connections"
    if not accounts:
        text = f"{through} to GitHub, for no organization or enterprise yet."
    else:
        named = accounts[0].label if len(accounts) == 1 else f"{len(accounts)} organizations and enterprises"
        text = f"GitHub is asked about {named} through {through}. {_last_answer()}"
    links = []
    if request.user.has_perm("portal.view_connection"):
        links.append(("Connections", reverse("admin:portal_connection_changelist")))
    if request.user.has_perm("portal.view_syncschedule"):
        links.append(("Schedules", reverse("admin:portal_syncschedule_changelist")))
    press = (
        button(accounts, reverse("admin:seats_account_sync_all")) if accounts and may_start(request) else None
    )
    return Action("GitHub", text, press, links)


def _last_answer() -> str:
    done = Job.objects.filter(kind__in=[step.kind for step in now.steps()], state=Job.State.DONE)
    newest = done.order_by("-pk").first()
    if newest is None or newest.finished_at is None:
        return "Nothing has come yet: the first sync brings seats, teams and a year of use."
    return f"Newest good answer: {newest.finished_at:%Y-%m-%d %H:%M} UTC."
