"""`teams-low-adoption`: GitHub's own sample question about teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Q
from pyroaring import BitMap

from metrics import figures
from metrics.models import ReportDay, TeamDay, TeamRoster
from metrics.periods import newest_covered_days
from metrics.reports.asked import UsageReport, account_cells, account_columns, team_keys_of
from portal.reports import registry
from portal.reports.base import Column, ReportQuery, Row, columns_named
from seats.models import Account, Seat
from seats.reports.scope import accounts_of

BOTH_REPORTS = (ReportDay.Report.USERS, ReportDay.Report.USER_TEAMS)


@registry.register
class TeamsLowAdoption(UsageReport):
    """Teams of which few were active on the newest day, within the period, with both daily reports.

    Adoption is active members ÷ members that day; below `--below` (0.5). Seats are the members who held
    one that day, from any account of the enterprise; empty where no seat list was taken in.
    """

    name = "teams-low-adoption"
    title = "Low adoption"
    subject = "Use"
    question = "In which teams do few of the members use Copilot?"
    order = "organization, enterprise, adoption, slug, team_id"
    permission = "metrics.view_teamday"
    options = UsageReport.options | {"--team", "--below"}
    default_below = Decimal("0.5")

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            *columns_named("team_id", "slug", "members", "seats", "active_users", "adoption", "day"),
            *account_columns(),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        below = self.default_below if query.below is None else query.below
        named = team_keys_of(query)
        accounts = [account for account in accounts_of(query) if named is None or account.pk in named]
        days = newest_covered_days(accounts, BOTH_REPORTS, since=query.first_day, until=query.last_day)
        known = {account: days[account.pk] for account in accounts if account.pk in days}
        holders = _Holders(known)
        for account, day in known.items():
            keys = None if named is None else named[account.pk]
            yield from _low_teams(account, day, below, keys, holders.on(account, day))


def _low_teams(
    account: Account, day: date, below: Decimal, keys: Collection[int] | None, holders: BitMap | None
) -> Iterator[Row]:
    rosters = TeamRoster.objects.filter(team__account=account, day=day).select_related("team")
    if keys is not None:
        rosters = rosters.filter(team__in=list(keys))
    active = dict(TeamDay.objects.filter(account=account, day=day).values_list("team_key", "active_users"))
    found = []
    for roster in rosters:
        active_users = active.get(roster.team_id, 0)
        adoption = figures.adoption(active_users, roster.member_count)
        if adoption is not None and adoption < below:
            found.append((adoption, roster.team.slug, roster.team.github_id, roster, active_users))
    for adoption, slug, team_id, roster, active_users in sorted(found, key=lambda team: team[:3]):
        seats = None if holders is None else len(roster.user_keys & holders)
        yield (
            team_id,
            slug,
            roster.member_count,
            seats,
            active_users,
            figures.to_four_places(adoption),
            day,
            *account_cells(account),
        )


class _Holders:
    """Who held a seat at the end of a day, anywhere in the account's enterprise; a query for each day."""

    def __init__(self, days: Mapping[Account, date]) -> None:
        wanted: dict[date, set[int]] = defaultdict(set)
        for account, day in days.items():
            wanted[day].add(_root(account))
        told = Seat.objects.order_by().values_list("account_id", "account__parent_id").distinct()
        roots = {parent_id or account_id for account_id, parent_id in told}
        self._holders: dict[tuple[int, date], BitMap] = {}
        for day, some in wanted.items():
            end = datetime.combine(day + timedelta(days=1), time(), UTC)
            seats = Seat.objects.filter(
                Q(account__in=some) | Q(account__parent__in=some),
                Q(created_at=None) | Q(created_at__lt=end),
                Q(ended_at=None) | Q(ended_at__gte=end),
            )
            self._holders |= {(root, day): BitMap() for root in some & roots}
            held = seats.order_by().values_list("account_id", "account__parent_id", "user_id")
            for account_id, parent_id, user_key in held.iterator():
                self._holders[parent_id or account_id, day].add(user_key)

    def on(self, account: Account, day: date) -> BitMap | None:
        """Bitmap of people; None: no seat of the enterprise was ever taken in."""
        return self._holders.get((_root(account), day))


def _root(account: Account) -> int:
    return account.parent_id or account.pk
