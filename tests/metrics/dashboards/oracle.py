"""What the dashboards must say, reckoned again from the raw files in plain Python.

Nothing here imports the portal: the files are read by `tests.metrics.oracle`, which does not either, and each
figure is worked out of whole records, person by person and day by day, with sets and dictionaries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from tests.metrics.oracle import COUNTERS, Account, Oracle, Row

ASKED, MADE, TAKEN, SUGGESTED, SUGGESTED_AWAY, ADDED, DELETED = COUNTERS
DIMENSIONS = {
    "ide": ("ide",),
    "feature": ("feature",),
    "language_feature": ("language", "feature"),
    "language_model": ("language", "model"),
    "model_feature": ("model", "feature"),
}
FLAGS: dict[str, tuple[str, ...]] = {
    "chat": ("used_chat",),
    "agent": ("used_agent",),
    "cli": ("used_cli",),
    # One thing under two names.
    "cloud_agent": ("used_copilot_cloud_agent", "used_copilot_coding_agent"),
    "app": ("used_copilot_app",),
    "vscode_agent": ("used_vscode_agent",),
    "code_review_active": ("used_copilot_code_review_active",),
    "code_review_passive": ("used_copilot_code_review_passive",),
}
# Which arrays tell who used a language, a model and so on.
TOLD_BY = {
    "feature": ("feature", "language_feature", "model_feature"),
    "ide": ("ide",),
    "language": ("language_feature", "language_model"),
    "model": ("language_model", "model_feature"),
}
DAY = timedelta(days=1)
SATURDAY = 5

Sums = dict[str, int | None]


def plus(rows: Iterable[Mapping[str, Any]], names: Collection[str] = COUNTERS) -> Sums:
    """Each counter added up over what is known of it; None where nothing is."""
    found: Sums = dict.fromkeys(names)
    for row in rows:
        for name in names:
            if (value := row.get(name)) is not None:
                found[name] = (found[name] or 0) + value
    return found


def share(part: int | None, whole: int | None) -> Decimal | None:
    return None if part is None or not whole else Decimal(part) / Decimal(whole)


def added(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


@dataclass(frozen=True)
class Question:
    """What a page is asked, by GitHub's ids."""

    account: Account
    first: date
    last: date
    today: date
    team: int | None = None
    before: tuple[date, date] | None = None
    weekends: bool = True
    by: str = "day"
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def days(self) -> list[date]:
        every = [self.first + DAY * number for number in range((self.last - self.first).days + 1)]
        return [day for day in every if self.weekends or day.weekday() < SATURDAY]

    @property
    def every_day(self) -> list[date]:
        """The days of the period, weekends or not."""
        return [self.first + DAY * number for number in range((self.last - self.first).days + 1)]

    @property
    def buckets(self) -> list[tuple[str, list[date]]]:
        """The days put together by week (from Monday) or month, with the labels that are shown."""
        made: dict[str, list[date]] = defaultdict(list)
        for day in self.days:
            if self.by == "week":
                made[str(day - DAY * day.weekday())].append(day)
            elif self.by == "month":
                made[str(day)[:7]].append(day)
            else:
                made[str(day)].append(day)
        return list(made.items())

    def earlier(self) -> Question:
        """The same of the period before, which must be asked for."""
        assert self.before is not None
        return replace(self, first=self.before[0], last=self.before[1], before=None)


class Truth:  # one a company: compared and hashed by who it is
    """The raw files' answers for an account or one of its teams, day by day."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self._sets: dict[tuple[Account, int | None, str, date], set[int]] = {}
        self._added: dict[tuple[Account, int | None, str, date], dict[tuple[str, ...], Sums]] = {}

    # Days and lines ---------------------------------------------------------------------------

    def is_covered(self, asked: Question, day: date) -> bool:
        """Whether a per-user report told of the day; of a team, with who was in it that day."""
        if asked.team is not None and asked.team not in self.oracle.teams.get(asked.account, {}).get(day, {}):
            return False
        return day in self.oracle.people.get(asked.account, {})

    def covered(self, asked: Question, days: Iterable[date] | None = None) -> list[date]:
        return [day for day in (asked.days if days is None else days) if self.is_covered(asked, day)]

    def members(self, account: Account, team: int, day: date) -> set[int]:
        return self.oracle.teams.get(account, {}).get(day, {}).get(team, set())

    def lines(self, asked: Question, day: date) -> dict[int, Row]:
        """The people's lines of a day, of a team's members as of that day alone."""
        everybody = self.oracle.people.get(asked.account, {}).get(day, {})
        if asked.team is None:
            return everybody
        own = self.members(asked.account, asked.team, day)
        return {user_id: line for user_id, line in everybody.items() if user_id in own}

    def all_lines(
        self, asked: Question, days: Iterable[date] | None = None
    ) -> Iterator[tuple[date, int, Row]]:
        for day in asked.days if days is None else days:
            for user_id, line in self.lines(asked, day).items():
                yield day, user_id, line

    def report(self, asked: Question, day: date) -> Row | None:
        """GitHub's own record of an account's day; teams have none."""
        if asked.team is not None:
            return None
        return self.oracle.totals.get(asked.account, {}).get(day)

    def is_told(self, asked: Question, day: date) -> bool:
        """Whether anything can be said of the day: by GitHub's own record or from the people."""
        return self.report(asked, day) is not None or self.is_covered(asked, day)

    # People -----------------------------------------------------------------------------------

    def users(self, asked: Question, day: date, kind: str = "active") -> set[int]:
        key = (asked.account, asked.team, kind, day)
        if key not in self._sets:
            self._sets[key] = {user_id for user_id, line in self.lines(asked, day).items() if did(line, kind)}
        return self._sets[key]

    def union(self, asked: Question, days: Iterable[date], kind: str = "active") -> set[int]:
        return set().union(*(self.users(asked, day, kind) for day in days))

    def distinct(
        self, asked: Question, kind: str = "active", days: Iterable[date] | None = None
    ) -> int | None:
        """Distinct people of the days; None unless each of them is covered."""
        wanted = list(asked.days if days is None else days)
        if any(not self.is_covered(asked, day) for day in wanted):
            return None
        return len(self.union(asked, wanted, kind))

    def trailing(self, asked: Question, day: date, length: int, kind: str = "active") -> int | None:
        return self.distinct(asked, kind, [day - DAY * back for back in range(length)])

    def named(self, asked: Question, prefix: str) -> list[str]:
        """The names of a kind that were seen, most person-days first, then by name."""
        seen: Counter[str] = Counter()
        for _, _, line in self.all_lines(asked):
            seen.update(kind for kind in kinds_of(line) if kind.startswith(prefix))
        return [
            kind.removeprefix(prefix)
            for kind, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0]))
        ]

    # Counters ---------------------------------------------------------------------------------

    def counters(self, asked: Question, day: date) -> Sums | None:
        """The seven of a day: GitHub's own, else added up; None where nobody told of it."""
        report = self.report(asked, day)
        if report is not None:
            return {name: report.get(name) for name in COUNTERS}
        if not self.is_covered(asked, day):
            return None
        lines = list(self.lines(asked, day).values())
        # No line at all is a known nothing; lines without a counter are an unknown.
        return plus(lines) if lines else dict.fromkeys(COUNTERS, 0)

    def total(self, asked: Question, days: Iterable[date] | None = None) -> Sums:
        told = (self.counters(asked, day) for day in (asked.days if days is None else days))
        return plus(day for day in told if day is not None)

    def broken_down(self, asked: Question, day: date, dimension: str) -> dict[tuple[str, ...], Sums] | None:
        """By the names of a dimension, folded: from GitHub's own record, else from the people's."""
        report = self.report(asked, day)
        if report is not None:
            return entries([report], dimension)
        if not self.is_covered(asked, day):
            return None
        key = (asked.account, asked.team, dimension, day)
        if key not in self._added:
            self._added[key] = entries(self.lines(asked, day).values(), dimension)
        return self._added[key]

    def told(self, asked: Question, day: date, dimension: str) -> dict[tuple[str, ...], Sums] | None:
        """The same; None also where something was counted and none of it has a name, which is no nothing.

        Completions have no model: of models, interactions alone tell whether there should be some.
        """
        found = self.broken_down(asked, day, dimension)
        if found is None or found:
            return found
        counters = self.counters(asked, day) or {}
        deciding = [ASKED] if dimension in ("language_model", "model_feature") else COUNTERS
        return {} if all(counters.get(name) == 0 for name in deciding) else None

    def sums_by(
        self,
        asked: Question,
        dimension: str,
        *by: str,
        days: Iterable[date] | None = None,
        **only: Collection[str],
    ) -> dict[tuple[str, ...], Sums]:
        """Summed over days and over the names left out; `only` keeps some names of a dimension."""
        names = DIMENSIONS[dimension]
        found: dict[tuple[str, ...], list[Sums]] = defaultdict(list)
        for day in asked.days if days is None else days:
            for entry, sums in (self.broken_down(asked, day, dimension) or {}).items():
                told = dict(zip(names, entry, strict=True))
                if all(told[name] in wanted for name, wanted in only.items()):
                    found[tuple(told[name] for name in by)].append(sums)
        return {key: plus(some) for key, some in found.items()}

    # Objects ----------------------------------------------------------------------------------

    def said(self, asked: Question, day: date, *path: str) -> Any:
        """A value of GitHub's own record of a day; None where it is absent."""
        value: Any = self.report(asked, day)
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def surface(self, asked: Question, day: date, key: str) -> Sums | None:
        """Sessions, requests, prompts and tokens of a surface: GitHub's own record's, else the people's.

        None where nobody told of the day, or nobody of it.
        """
        report = self.report(asked, day)
        if report is not None:
            objects = [report.get(key)]
        elif self.is_covered(asked, day):
            objects = [line.get(key) for line in self.lines(asked, day).values()]
        else:
            return None
        flat = [{**each, **(each.get("token_usage") or {})} for each in objects if each]
        names = (
            "session_count", "request_count", "prompt_count", "output_tokens_sum", "prompt_tokens_sum",
            "total_user_messages",
        )  # fmt: skip
        return plus(flat, names) if flat else None

    # Teams ------------------------------------------------------------------------------------

    def teams(self, asked: Question, days: Iterable[date] | None = None) -> list[int]:
        """Every team with members on one of the days."""
        rosters = self.oracle.teams.get(asked.account, {})
        return sorted(
            {team for day in (asked.days if days is None else days) for team in rosters.get(day, {})}
        )

    def slug(self, account: Account, team: int) -> str:
        return self.oracle.slugs[account, team][1]

    def unattributed(self, asked: Question, day: date) -> dict[int, Row]:
        rosters = self.oracle.teams.get(asked.account, {}).get(day, {})
        own = set().union(*rosters.values())
        everybody = self.oracle.people.get(asked.account, {}).get(day, {})
        return {user_id: line for user_id, line in everybody.items() if user_id not in own}

    @cached_property
    def newest_day(self) -> dict[Account, date]:
        return {account: max(days) for account, days in self.oracle.people.items() if days}


# What a line says --------------------------------------------------------------------------------


def did(line: Row, kind: str) -> bool:
    if kind == "active":
        return True
    if kind in FLAGS:
        return any(line.get(name) is True for name in FLAGS[kind])
    return kind in kinds_of(line)


def kinds_of(line: Row) -> set[str]:
    """Which phase, features, editors, languages, models and clients a line tells of."""
    found = set()
    phase = line.get("ai_adoption_phase") or {}
    if phase.get("phase_number") is not None:
        found.add(f"phase:{phase['phase_number']}")
    for kind, arrays in TOLD_BY.items():
        for array in arrays:
            for entry in line.get(f"totals_by_{array}") or []:
                if entry.get(kind) and any(entry.get(name) for name in COUNTERS):
                    found.add(f"{kind}:{entry[kind].casefold()}")
    for entry in line.get("totals_by_ide") or []:
        version = entry.get("last_known_ide_version") or {}
        plugin = entry.get("last_known_plugin_version") or {}
        parts = (
            entry.get("ide"), version.get("ide_version"), plugin.get("plugin"), plugin.get("plugin_version"),
        )  # fmt: skip
        if any(parts[1:]):
            found.add("client:" + "|".join((part or "").casefold() for part in parts))
    return found


def entries(records: Iterable[Row], dimension: str) -> dict[tuple[str, ...], Sums]:
    """One breakdown array of several records, added up by its folded names."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for record in records:
        for entry in record.get(f"totals_by_{dimension}") or []:
            key = tuple((entry.get(name) or "unknown").casefold() for name in DIMENSIONS[dimension])
            found[key].append(entry)
    return {key: plus(some) for key, some in found.items()}


# Panels ------------------------------------------------------------------------------------------

# A table as it must be: a dictionary a row, by the names of its columns, in order.
Table = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Named:
    """A name as pages show it: they have labels for those that are known."""

    kind: str
    name: str


@dataclass
class Expected:
    """What a panel must say: its rows in full, its headlines by label."""

    rows: Table | None = None
    headlines: Mapping[str, Any] | None = None
    # Whether the order of the rows is part of it.
    in_order: bool = True
    # Else, of a list that shows the first so many: the column that sorts, the largest first or last.
    ranked_by: str = ""
    most: int = 0
    descending: bool = True


Reckoning = Callable[[Truth, Question], Expected]
reckonings: dict[tuple[str, str], Reckoning] = {}


def expects(page: str, *panels: str) -> Callable[[Reckoning], Reckoning]:
    """Register what a panel must say."""

    def register(function: Reckoning) -> Reckoning:
        for panel in panels:
            assert (page, panel) not in reckonings, f"{page}/{panel} twice"
            reckonings[page, panel] = function
        return function

    return register


def over_time(
    asked: Question, values: Callable[[list[date]], Mapping[str, Any]], *, name: str | None = None
) -> Expected:
    """A row per day, week or month, led by its label; no rows where nothing is known at all."""
    column = name or asked.by
    rows = [{column: label, **values(days)} for label, days in asked.buckets]
    known = any(value is not None for row in rows for key, value in row.items() if key != column)
    return Expected(rows if known else [])
