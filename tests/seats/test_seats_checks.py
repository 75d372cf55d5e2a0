"""A portal that tells people must reach them, and they it."""

from __future__ import annotations

from typing import Any

import pytest

from seats import checks
from tests.seats.reclaim.telling import policy

pytestmark = pytest.mark.django_db

SMTP = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:80", "nonsense"])
def test_links_that_lead_to_the_readers_own_computer_are_a_warning(settings: Any, url: str) -> None:
    settings.PORTAL_URL = url
    assert checks.links_lead_here(None) == []  # nobody is told anything
    policy()
    [message] = checks.links_lead_here(None)
    assert message.id == "seats.W001"
    assert "PORTAL_URL" in str(message.hint)
    settings.PORTAL_URL = "https://copilot.example.com"
    assert checks.links_lead_here(None) == []


@pytest.mark.parametrize("backend", ["console", "dummy", "filebased", "locmem"])
def test_mails_that_reach_nobody_are_a_warning(settings: Any, backend: str) -> None:
    settings.MAIL = {"EMAIL_BACKEND": f"django.core.mail.backends.{backend}.EmailBackend"}
    assert checks.mails_reach_people(None) == []
    policy()
    [message] = checks.mails_reach_people(None)
    assert message.id == "seats.W002"
    assert "EMAIL_URL" in str(message.hint)
    settings.MAIL = SMTP
    assert checks.mails_reach_people(None) == []


def test_a_policy_without_notice_needs_neither(settings: Any) -> None:
    policy(notice_days=0)
    assert checks.links_lead_here(None) == checks.mails_reach_people(None) == []
