"""`users-low-acceptance`: GitHub's own sample question about people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice

from pyroaring import BitMap

from metrics import figures
from metrics.figures import PersonFigures
from metrics.reports.asked import UsageReport, account_cells, account_columns, team_keys_of
from portal.reports import registry
from portal.reports.base import Column, ReportQuery, Row, columns_named
from seats.models import Account, Team
from seats.reports.scope import accounts_of

INTERACTIONS = "user_initiated_interaction_count"
GENERATIONS = "code_generation_activity_count"
ACCEPTANCES = "code_acceptance_activity_count"

# People looked at together, whose teams are told together.
FIRST, AT_ONCE = 200, 1_000


@registry.register
class UsersLowAcceptance(UsageReport):
    """People who ask Copilot and take little of it.

    Interactions above zero over the period, and no acceptance, or a rate below `--below` (0.10). The rate
    is empty where nothing was generated. Teams are those of the covered days of the period.
    """

    name = "users-low-acceptance"
    title = "Low acceptance"
    subject = "Use"
    question = "Who uses Copilot but accepts little or nothing of what it suggests?"
    order = "organization, enterprise, user_id"
    options = UsageReport.options | {"--team", "--below"}
    default_below = Decimal("0.10")

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            *columns_named("user_id", "user_login", "teams"),
            *columns_named(INTERACTIONS, GENERATIONS, ACCEPTANCES, "acceptance_rate"),
            *account_columns(),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        below = self.default_below if query.below is None else query.below
        accounts = accounts_of(query)
        named = team_keys_of(query)
        teams = _Teams(accounts, query)
        for account in accounts:
            first, last = query.first_day, query.last_day
            if named is None:
                people = figures.people(account, first, last)
            else:
                people = figures.people_of_teams(account, named.get(account.pk, ()), first, last)
            number = FIRST
            while batch := list(islice(people, number)):
                number = AT_ONCE
                low = [person for person in batch if _is_low(person, below)]
                slugs = teams.of(account, low)
                yield from (_row(person, slugs[person.user_key], account) for person in low)


def _is_low(person: PersonFigures, below: Decimal) -> bool:
    if not person.counted(INTERACTIONS):
        return False
    if not person.counted(ACCEPTANCES):
        return True
    rate = figures.acceptance_rate(person.counted(ACCEPTANCES), person.counted(GENERATIONS))
    return rate is not None and rate < below


def _row(person: PersonFigures, slugs: Iterable[str], account: Account) -> Row:
    rate = figures.acceptance_rate(person.counted(ACCEPTANCES), person.counted(GENERATIONS))
    return (
        person.user_id,
        person.login,
        ";".join(slugs),
        person.counted(INTERACTIONS),
        person.counted(GENERATIONS),
        person.counted(ACCEPTANCES),
        figures.to_four_places(rate),
        *account_cells(account),
    )


class _Teams:
    """The slugs of people's teams in an account over the period."""

    def __init__(self, accounts: Sequence[Account], query: ReportQuery) -> None:
        self._members = figures.members_by_team(accounts, query.first_day, query.last_day)
        self._by_account: dict[int, list[Team]] = defaultdict(list)
        for team in Team.objects.filter(pk__in=list(self._members)).order_by("slug", "github_id"):
            self._by_account[team.account_id].append(team)

    def of(self, account: Account, people: Sequence[PersonFigures]) -> Mapping[int, list[str]]:
        wanted = BitMap(person.user_key for person in people)
        slugs: dict[int, list[str]] = defaultdict(list)
        for team in self._by_account[account.pk]:
            for user_key in wanted & self._members[team.pk]:
                slugs[user_key].append(str(team))
        return slugs
