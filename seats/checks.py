"""What keeps notices from reaching people, or their answers from reaching us, as system checks.

seats.W001  people are told, and the links in their mails lead to the reader's own computer (`check --deploy`)
seats.W002  people are told, and their mails reach nobody (`check --deploy`)
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError

from portal.mailing import is_shown_only
from seats.models import InactivityPolicy
from seats.reclaim.notify import TELLING


@register(Tags.security, deploy=True)
def links_lead_here(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not _is_local(settings.PORTAL_URL) or not _are_people_told():
        return []
    return [
        CheckWarning(
            f"A policy tells people before their seat is taken back, and the links in these mails begin "
            f"with {settings.PORTAL_URL}, which is their own computer to everybody else.",
            hint="Set PORTAL_URL to where people reach the portal.",
            id="seats.W001",
        )
    ]


@register(Tags.security, deploy=True)
def mails_reach_people(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not is_shown_only() or not _are_people_told():
        return []
    return [
        CheckWarning(
            "A policy tells people before their seat is taken back, and mails are shown on a console or "
            "kept in a file: they count as sent, and nobody gets them.",
            hint="Set EMAIL_URL to your mail server, as smtp+tls://user:password@host:587.",
            id="seats.W002",
        )
    ]


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")


def _are_people_told() -> bool:
    """Looks into the database, as a check before a deployment may; one without tables is new."""
    try:
        return InactivityPolicy.objects.filter(mode__in=TELLING, notice_days__gt=0).exists()
    except DatabaseError:
        return False
