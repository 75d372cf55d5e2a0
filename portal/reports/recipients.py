"""To whom a report may be mailed: addresses of allowed domains, else of people who can log in."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MOST = 50


def refusals(addresses: Iterable[str]) -> list[str]:
    """A sentence for each address that a report may not go to: when it is set, and again when it goes."""
    listed = list(addresses)
    if len(listed) > MOST:
        return [f"A report goes to at most {MOST} addresses."]
    says = [sentence for address in listed if (sentence := _refusal(address))]
    if not settings.REPORT_MAIL_DOMAINS:
        says += [
            f"{address} belongs to nobody who can log in, and REPORT_MAIL_DOMAINS allows no domain."
            for address in _strangers(address for address in listed if not _refusal(address))
        ]
    return says


def _refusal(address: str) -> str:
    try:
        validate_email(address)
    except ValidationError:
        return f"{address} is no mail address."
    allowed = settings.REPORT_MAIL_DOMAINS
    if allowed and address.rpartition("@")[2].lower() not in allowed:
        return (
            f"{address} is of a domain that is not allowed: REPORT_MAIL_DOMAINS names {', '.join(allowed)}."
        )
    return ""


def _strangers(addresses: Iterable[str]) -> list[str]:
    listed = list(addresses)
    if not listed:
        return []
    users = get_user_model()._default_manager.filter(is_active=True).exclude(email="")
    known = {email.lower() for email in users.values_list("email", flat=True)}
    return [address for address in listed if address.lower() not in known]
