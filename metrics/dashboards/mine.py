"""My usage: for whoever logs in, their own use and nobody else's, whatever the address says.

Somebody of the portal is the person on GitHub whose login is their user name, in any case of letters; else
the one person whose address is theirs. Where that leaves nobody, or several, nothing is shown.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import Lower

from metrics.dashboards.asked import Asked
from metrics.dashboards.one_person import Subject, add_panels, words_about
from metrics.dashboards.registry import page
from metrics.models import UserDay
from metrics.periods import Period
from seats.models import Account, GitHubUser

NOBODY = (
    "No person on GitHub belongs to your login here. Ask whoever runs this portal to give your user the name "
    "of your GitHub login, or to enter your e-mail address as the contact address of your GitHub person."
)

mine = page(
    "mine",
    "My usage",
    "account_circle",
    order=150,
    is_kept=False,
    # Everybody who is logged in: it shows them nobody but themselves.
    permission="",
    without=frozenset({"scope", "team"}),
)


def person_of(user: Any) -> GitHubUser | None:
    """The person on GitHub that this user of the portal is; None unless it is exactly one."""
    by_login = _only_one(GitHubUser.objects.filter(login_key=user.get_username().lower()))
    address = user.email.strip().lower()
    # An empty address is nobody's, though many people have none.
    if by_login is not None or not address:
        return by_login
    # Their own address goes before the one that GitHub tells, as with mail to them.
    addresses = GitHubUser.objects.annotate(by_hand=Lower("contact_email"), told=Lower("email"))
    return _only_one(addresses.filter(Q(by_hand=address) | Q(by_hand="", told=address)))


def _only_one(people: QuerySet[GitHubUser]) -> GitHubUser | None:
    """Somebody with an id goes before whoever is known by the name alone."""
    found = list(people.order_by("pk")[:3])
    identified = [one for one in found if one.github_id is not None]
    some = identified or found
    return some[0] if len(some) == 1 else None


def subject_of(asked: Asked) -> Subject:
    """Whoever asks, in the reports of the account that tell most of them."""
    user = person_of(asked.user) if asked.user is not None else None
    if user is None:
        return Subject(None, asked.scope.account, NOBODY, has_links=False)
    return Subject(user, _account_of(user, asked.period) or asked.scope.account, has_links=False)


def _account_of(user: GitHubUser, period: Period) -> Account | None:
    """With most of their days in the period, else with their newest; of equal ones the enterprise."""
    rows = UserDay.objects.filter(user=user).order_by().values("account_id")
    in_period = Count("pk", filter=Q(day__range=(period.first, period.last)))
    told = {
        key: (days, newest)
        for key, days, newest in rows.annotate(days=in_period, newest=Max("day")).values_list(
            "account_id", "days", "newest"
        )
    }
    accounts = Account.objects.filter(pk__in=list(told))

    def rank(account: Account) -> tuple[int, date, bool, int]:
        return *told[account.pk], account.kind == Account.Kind.ENTERPRISE, account.pk

    return max(accounts, key=rank, default=None)


add_panels(mine, subject_of, own=True)


@mine.instead_of_panels
def nobody(asked: Asked) -> str:
    """Why there is nothing to show, once instead of in every panel."""
    return subject_of(asked).why_not


@mine.opens_with
def words(asked: Asked) -> list[str]:
    return words_about(asked, subject_of(asked), "You")
