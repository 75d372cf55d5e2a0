"""Seats that look unused, flagged under a policy that tells people, and the mails they get."""

from __future__ import annotations

import re
from typing import Any

from django.core import mail
from django.core.mail import EmailMessage

from seats.models import Account, InactivityPolicy, Notice, Seat, SeatReview
from seats.reclaim import flag
from tests.seats.holding import grant, hold, organization

PAGE = "/still-needed/"


def policy(**fields: Any) -> InactivityPolicy:
    """Everybody's policy: propose, with a notice of seven days."""
    everybody = InactivityPolicy.objects.get(scope_key="all")
    for name, value in {"mode": "propose", "notice_days": 7, **fields}.items():
        setattr(everybody, name, value)
    everybody.save()
    return everybody


def idle(number: int, login: str, **fields: Any) -> Any:
    """A seat last used 60 days ago, of somebody with an address."""
    return grant(number, login, used=60, **{"assignee_email": f"{login}@example.com", **fields})


def flagged(*grants: Any, account: Account | None = None, **policy_fields: Any) -> list[SeatReview]:
    """Reviews of these seats, flagged by the policy; in the order of ids."""
    policy(**policy_fields)
    hold(account or organization(), *grants)
    flag.review()
    return list(SeatReview.objects.filter(state="flagged").order_by("seat__user__github_id"))


def seat_of(login: str) -> Seat:
    return Seat.objects.get(user__login=login)


def notice_of(review: SeatReview) -> Notice:
    return Notice.objects.get(once_key=f"review:{review.pk}")


def key_in(message: EmailMessage) -> str:
    """What the mail's link says."""
    found = re.search(r"\?key=(\S+)", str(message.body))
    assert found is not None, message.body
    return found[1]


def key_of(login: str) -> str:
    """The key in the newest mail to this person."""
    return key_in(next(one for one in reversed(mail.outbox) if one.to == [f"{login}@example.com"]))
