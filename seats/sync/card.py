"""The home page's word on GitHub: through what it is asked, when it last answered, a button to ask now."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from portal.admin.job import syncs_url
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
    note = f"{running} job{'s' if running > 1 else ''} queued or running" if running else ""
    return Button("Sync now", url, note, syncs_url())


@card(order=5, permission="seats.view_account")
def github(request: HttpRequest) -> Action | None:
    connections = Connection.objects.active().count()
    if not connections:
        return None
    accounts = now.connected()
    through = "1 connection" if connections == 1 else f"{connections} connections"
    if not accounts:
        text = f"{through} to GitHub, for no organization or enterprise yet: name one on its page."
    else:
        named = accounts[0].label if len(accounts) == 1 else f"{len(accounts)} organizations and enterprises"
        text = f"GitHub is asked about {named} through {through}. {last_answer(accounts)}"
    links = []
    if request.user.has_perm("portal.view_connection"):
        links.append(("Connections", reverse("admin:portal_connection_changelist")))
    if request.user.has_perm("portal.view_syncschedule"):
        links.append(("Schedules", reverse("admin:portal_syncschedule_changelist")))
    press = (
        button(accounts, reverse("admin:seats_account_sync_all")) if accounts and may_start(request) else None
    )
    return Action("GitHub", text, press, links)


def last_answer(accounts: list[Account]) -> str:
    """When GitHub last told something of these accounts, as a sentence."""
    done = Job.objects.filter(
        kind__in=[step.kind for step in now.steps()],
        subject__in=[account.subject for account in accounts],
        state=Job.State.DONE,
    )
    newest = done.order_by("-pk").first()
    if newest is None or newest.finished_at is None:
        return "Nothing has come yet: the first sync brings seats, members, teams and up to a year of use."
    return f"GitHub last answered on {newest.finished_at:%Y-%m-%d at %H:%M} UTC."
