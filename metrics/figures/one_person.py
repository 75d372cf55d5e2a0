"""One person, from their own lines: day by day, by what they used, in which teams, in which accounts.

https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Max, Min, Sum
from pyroaring import BitMap

from metrics import breakdowns
from metrics.figures.broken_down import NAMES, Breakdown, Dimension, Names, Sums
from metrics.figures.counted import NONE_DONE, sums
from metrics.figures.dimensions import entries_told
from metrics.figures.entries import Folded
from metrics.figures.persons import total_credits
from metrics.figures.rates import acceptance_rate
from metrics.models import ReportDay, TeamRoster, UserDay
from metrics.models.counters import COUNTERS
from metrics.periods import Period
from portal.bytes_as_they_are import bytes_as_they_are
from seats.models import Account, GitHubUser

FLAGS = (
    "used_chat",
    "used_agent",
    "used_cli",
    "used_copilot_cloud_agent",
    "used_copilot_app",
    "used_vscode_agent",
    "used_copilot_code_review_active",
    "used_copilot_code_review_passive",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A person's day. `flags` are those of FLAGS; the blob, if read, has every key that is no column."""

    sums: Sums
    flags: Mapping[str, bool | None]
    ai_credits_used: Decimal | None
    phase_number: int | None
    blob: bytes | memoryview | None = None

    @property
    def rest(self) -> Mapping[str, Any]:
        return {} if self.blob is None else _rest(self.blob)


class Client(NamedTuple):
    """An editor, and the newest versions that a person's lines tell of it; empty where none does."""

    ide: str
    ide_version: str
    plugin: str
    plugin_version: str
    last_day: date


class PersonHistory:
    """One account's lines of a person. `days` are the covered ones, in order; None: covered, without a line.

    What is asked of days is None unless every one of them is covered.
    """

    def __init__(self, days: Mapping[date, Line | None]) -> None:
        self.days = days

    @property
    def lines(self) -> dict[date, Line]:
        return {day: line for day, line in self.days.items() if line is not None}

    def among(self, days: Iterable[date]) -> PersonHistory:
        """The same of those of these days that are covered."""
        return PersonHistory({day: self.days[day] for day in days if day in self.days})

    def _told(self, days: Iterable[date]) -> list[Line] | None:
        asked = list(days)
        if any(day not in self.days for day in asked):
            return None
        return [line for line in (self.days[day] for day in asked) if line is not None]

    def active_days(self, days: Iterable[date]) -> int | None:
        """On how many of the days there is a line."""
        lines = self._told(days)
        return None if lines is None else len(lines)

    def sums(self, days: Iterable[date]) -> Sums:
        """The counters, added up; a covered day without a line adds nothing."""
        lines = self._told(days)
        if lines is None:
            return Sums()
        return Sums.of(line.sums for line in lines) if lines else Sums(*NONE_DONE)

    def acceptance_rate(self, days: Iterable[date]) -> Decimal | None:
        added = self.sums(days)
        return acceptance_rate(added.code_acceptance_activity_count, added.code_generation_activity_count)

    def ai_credits_used(self, days: Iterable[date]) -> Decimal | None:
        """None also where no line tells any."""
        return total_credits(line.ai_credits_used for line in self._told(days) or ())

    def phase_number(self, days: Iterable[date]) -> int | None:
        """GitHub's AI adoption phase, of the newest of the days that tells it."""
        told = [line.phase_number for line in self._told(days) or () if line.phase_number is not None]
        return told[-1] if told else None

    def days_with(self, flag: str, days: Iterable[date]) -> int | None:
        """On how many of the days the flag is set; None also where lines are there and none says."""
        lines = self._told(days)
        if lines is None:
            return None
        said = [line.flags[flag] for line in lines if line.flags[flag] is not None]
        return sum(map(bool, said)) if said or not lines else None

    def breakdown(self, dimension: Dimension) -> Breakdown:
        """One of GitHub's five breakdowns of every covered day; {} without a line."""
        folded, nothing = Folded(), dict[Names, Sums]()
        asked = (dimension,)
        return Breakdown(
            NAMES[dimension],
            {
                day: nothing
                if line is None
                else entries_told((line.blob,), asked, folded).get(dimension, nothing)
                for day, line in self.days.items()
            },
        )

    def clients(self) -> list[Client]:
        """The newest known client of each editor, and the CLI; the editor used last comes first."""
        found: dict[str, Client] = {}
        for day, line in self.lines.items():
            for client in _clients(day, line.rest):
                before = found.get(client.ide)
                if before is not None and not (client.ide_version or client.plugin_version):
                    client = before._replace(last_day=day)
                found[client.ide] = client
        return sorted(found.values(), key=lambda client: (-client.last_day.toordinal(), client.ide))


def _clients(day: date, rest: Mapping[str, Any]) -> Iterable[Client]:
    for entry in rest.get("totals_by_ide") or []:
        editor = entry.get("last_known_ide_version") or {}
        plugin = entry.get("last_known_plugin_version") or {}
        yield Client(
            (entry.get("ide") or "unknown").casefold(),
            editor.get("ide_version") or "",
            plugin.get("plugin") or "",
            plugin.get("plugin_version") or "",
            day,
        )
    if cli := rest.get("totals_by_cli"):
        version = (cli.get("last_known_cli_version") or {}).get("cli_version") or ""
        yield Client("copilot_cli", version, "", "", day)


def person_history(
    account: Account, user: GitHubUser, period: Period, *, with_rest: bool = True
) -> PersonHistory:
    """The person's lines in the account's reports over a period; in two queries.

    Without the rest, which takes most of the time, there are no breakdowns and no clients.
    """
    span = (period.first, period.last)
    covered = ReportDay.objects.filter(
        account=account, report=ReportDay.Report.USERS, day__range=span
    ).order_by("day")
    days: dict[date, Line | None] = dict.fromkeys(covered.values_list("day", flat=True))
    rows = UserDay.objects.filter(account=account, user=user, day__range=span).order_by("day")
    columns = ["day", "ai_credits_used", "phase_number", *FLAGS, *COUNTERS]
    if with_rest:
        columns.append("blob")
    with bytes_as_they_are():
        stored = list(rows.values_list(*columns))
    for day, spent, phase, *more in stored:
        flags = dict(zip(FLAGS, more, strict=False))
        counted = more[len(FLAGS) : len(FLAGS) + len(COUNTERS)]
        days[day] = Line(Sums(*counted), flags, spent, phase, more[-1] if with_rest else None)
    return PersonHistory(dict(sorted(days.items())))


def _rest(blob: bytes | memoryview) -> Mapping[str, Any]:
    try:
        return breakdowns.unpack(blob)
    except breakdowns.DamagedBlob:
        # The columns are good; what the rest said is lost.
        return {}


# --- Teams, accounts --------------------------------------------------------------------------


class InTeam(NamedTuple):
    """A team that the person was in on the first told day, on the newest one, or on both."""

    team_key: int
    slug: str
    on_first: bool
    on_newest: bool


@dataclass(frozen=True, slots=True)
class TeamsOfPerson:
    """By the reports of teams of two days; without any such day, None and nothing."""

    first: date | None
    newest: date | None
    teams: Sequence[InTeam]


def teams_of_person(account: Account, user: GitHubUser, days: Collection[date]) -> TeamsOfPerson:
    """The teams of the person on the first and on the newest of these days that tells of teams."""
    told = ReportDay.objects.filter(account=account, report=ReportDay.Report.USER_TEAMS, day__in=days)
    ends = told.aggregate(first=Min("day"), newest=Max("day"))
    first, newest = ends["first"], ends["newest"]
    if newest is None:
        return TeamsOfPerson(None, None, [])
    rows = TeamRoster.objects.filter(team__account=account, day__in={first, newest})
    found: dict[tuple[str, int], set[date]] = {}
    for team_key, slug, day, members in rows.values_list("team_id", "team__slug", "day", "members"):
        if user.pk in BitMap.deserialize(bytes(members)):
            found.setdefault((slug, team_key), set()).add(day)
    return TeamsOfPerson(
        first,
        newest,
        [InTeam(key, slug, first in on, newest in on) for (slug, key), on in sorted(found.items())],
    )


@dataclass(frozen=True, slots=True)
class InAccount:
    """What one account's reports say of a person. Accounts tell of the same use: they never add up."""

    account: Account
    active_days: int
    last_day: date
    ai_credits_used: Decimal | None
    sums: Sums


def accounts_of_person(user: GitHubUser, days: Collection[date]) -> list[InAccount]:
    """Each account with a line of the person on one of these days, enterprises first; in two queries."""
    rows = UserDay.objects.filter(user=user, day__in=days).order_by().values("account_id")
    told = {
        account_id: (active_days, last_day, spent, Sums(*counters))
        for account_id, active_days, last_day, spent, *counters in rows.annotate(
            active_days=Count("pk"), last_day=Max("day"), spent=Sum("ai_credits_used"), **sums()
        ).values_list("account_id", "active_days", "last_day", "spent", *COUNTERS)
    }
    return [InAccount(account, *told[account.pk]) for account in Account.objects.filter(pk__in=list(told))]
