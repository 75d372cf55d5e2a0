"""Which accounts and teams a question is about, from the names given."""

from __future__ import annotations

from difflib import get_close_matches

from portal.reports.base import ReportError, ReportQuery
from portal.reports.offers import MOST, offers
from portal.reports.options import Choices
from seats.freshness import seats_as_of
from seats.models import Account, Team


@offers("scope")
def scopes() -> Choices:
    """Every account that has a name to ask by, an enterprise before its organizations."""
    accounts = Account.objects.exclude(login="").order_by("kind", "login_key", "pk")[:MOST]
    return [
        (f"{account.kind}:{account.login}", f"{account.label} ({account.get_kind_display()})")
        for account in accounts
    ]


@offers("team")
def team_slugs() -> Choices:
    slugs = Team.objects.exclude(slug="").order_by("slug").values_list("slug", flat=True).distinct()
    return [(slug, slug) for slug in slugs[:MOST]]


def seat_facts(query: ReportQuery) -> list[tuple[str, str]]:
    """How fresh the seats of the accounts asked for are, and where they come from."""
    return [(said.what, said.text) for said in seats_as_of(account_of(query))]


def account_of(query: ReportQuery) -> Account | None:
    """The account named; None: every account is asked. ReportError for one we do not know."""
    if not query.login:
        return None
    accounts = Account.objects.select_related("parent")
    if account := accounts.named(query.kind, query.login).first():
        return account
    raise ReportError(_unknown_account(query))


def _unknown_account(query: ReportQuery) -> str:
    other = "enterprise" if query.kind == "organization" else "organization"
    if Account.objects.named(other, query.login).exists():
        return f"{query.login!r} is an {other}: give it as --{other}."
    labels = {account.label.lower(): account.label for account in Account.objects.filter(kind=query.kind)}
    near = get_close_matches(query.login.lower(), labels, n=1)
    hint = f"; did you mean {labels[near[0]]}?" if near else "; nothing of it was taken in yet."
    return f"There is no {query.kind} {query.login!r} here{hint}"


def accounts_of(query: ReportQuery) -> list[Account]:
    """The one account named, or all of them, in the order in which reports list accounts.

    An enterprise is itself only: its organizations report the same people again.
    """
    account = account_of(query)
    accounts = Account.objects.select_related("parent") if account is None else [account]
    return sorted(accounts, key=order_of)


def order_of(account: Account) -> tuple[str, str, str, int]:
    """By organization, then enterprise, without case; an enterprise's own rows come first."""
    organization, enterprise = account.organization_label, account.enterprise_label
    return organization.lower(), enterprise.lower(), account.kind, account.pk


def teams_of(query: ReportQuery, *, with_organizations: bool = True) -> list[Team]:
    """The teams of this slug, present or former, in the accounts asked; ReportError if there is none.

    An enterprise asks for its organizations' teams as well, unless told not to.
    """
    teams = Team.objects.all()
    account = account_of(query)
    if account is not None:
        family = Account.objects.family(account) if with_organizations else [account]
        teams = teams.filter(account__in=family)
    slug = query.team.lower()
    found = list(teams.filter(slug=slug)) or [
        team for team in teams.exclude(former_slugs=[]) if slug in team.former_slugs
    ]
    if found:
        return found
    known = sorted(set(teams.exclude(slug="").values_list("slug", flat=True)))
    near = get_close_matches(slug, known, n=1)
    where = f" in {account}" if account is not None else ""
    hint = f"; did you mean {near[0]}?" if near else "."
    raise ReportError(f"There is no team {query.team!r}{where}{hint}")
