"""The link in a notice: whoever has it may say that the person still needs the seat, without logging in.

It names the notice, a random number that only the notice's row knows, and the day on which it expires, and
it is signed: neither the database nor the key alone is enough to make one. It is made when the mail goes out
and kept nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode

from seats.models import Notice

# Answers that come late still count, as long as the seat is there.
GRACE = timedelta(days=14)
PARAMETER = "key"
_signer = Signer(salt="seats.notice.answer", sep="~")


@dataclass(frozen=True, slots=True)
class Named:
    """What a genuine link names; whether it has expired is for its reader to say."""

    notice: Notice
    expires_on: date

    def has_expired(self, day: date) -> bool:
        return day > self.expires_on


def url_of(notice: Notice, ends_on: date) -> str:
    """The whole address; `ends_on` is the last day on which the person may answer."""
    query = urlencode({PARAMETER: token_of(notice, ends_on)})
    return f"{settings.PORTAL_URL}{reverse('seats:still_needed')}?{query}"


def token_of(notice: Notice, ends_on: date) -> str:
    return _signer.sign(f"{notice.pk}~{notice.nonce}~{(ends_on + GRACE).isoformat()}")


def read(token: str) -> Named | None:
    """What the link names; None where it was not made here, or its notice is gone."""
    try:
        key, nonce, expires_on = _signer.unsign(token).split("~")
        named = Notice.objects.select_related(
            "review__seat__account__parent", "review__seat__user", "review__seat__policy", "user"
        ).get(pk=int(key))
        expires = date.fromisoformat(expires_on)
    except (BadSignature, ValueError, Notice.DoesNotExist):
        return None
    if not constant_time_compare(named.nonce, nonce) or named.review is None:
        return None
    return Named(named, expires)
