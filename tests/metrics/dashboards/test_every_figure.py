"""Every figure of every panel equals an independent reckoning over the raw files."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

import tests.metrics.dashboards as here
from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.asked import Asked, By
from metrics.dashboards.compared import panel_of
from metrics.dashboards.names import label
from metrics.dashboards.panel import Kind, Panel, plain
from metrics.dashboards.registry import pages
from metrics.figures import Scope
from metrics.periods import Period
from metrics.sample import Company, write_files
from seats.models import Account, GitHubUser, Team
from tests.metrics.dashboards.oracle import Expected, Named, Question, Table, Truth, reckonings
from tests.metrics.dashboards.spiced import repositories, spice
from tests.metrics.oracle import Oracle
from tests.metrics.taking_in import LAST_DAY, passing_database, take_in, the_day_after

for module in pkgutil.iter_modules(here.__path__):
    if module.name.startswith("oracle_"):
        importlib.import_module(f"tests.metrics.dashboards.{module.name}")

# The fixture opens the database itself: each company is taken in once for many tests.
pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = LAST_DAY + DAY
NEWEST = (LAST_DAY - 27 * DAY, LAST_DAY)
# From before the first day that is known to the middle of it all.
MIDDLE = (LAST_DAY - 84 * DAY, LAST_DAY - 20 * DAY)
# Up to today, of which no report tells yet.
WEEK = (LAST_DAY - 5 * DAY, TODAY)
PERIODS = (NEWEST, MIDDLE, WEEK)
ENTERPRISE, APPS, PLATFORM, LABS = "octo-industries", "octo-apps", "octo-platform", "octo-labs"

# Panels without a reckoning, and why.
NO_NUMBER = "it shows no number"
WITHOUT: dict[tuple[str, str], str] = {
    ("people", "without-use"): NO_NUMBER,
    **{(page, panel): NO_NUMBER for page in ("person", "mine") for panel in ("clients", "teams", "seat")},
    ("data-health", "files"): "it shows what the import counted, which is held against the files elsewhere",
    ("data-health", "rejects"): "every line of these files can be read",
    ("data-health", "freshness"): NO_NUMBER,
    ("data-health", "restated"): "what files restate of each other is held against them elsewhere",
    ("seats", "taken-back"): "what the portal took back itself is in no file",
}


# Of a company that is known for a month alone they show nothing, since they look at what was before.
LOOKING_BACK = {
    ("adoption", "coming-and-going"),
    ("editors", "outdated-people"),
    ("impact", "flow"),
    ("languages", "first-seen"),
    ("models", "first-seen"),
}
MONTH = 30


@dataclass(frozen=True)
class Case:
    """Whose use (an account, the number of one of its teams), and how it is asked for."""

    account: str
    period: tuple[date, date] = NEWEST
    team: int | None = None
    by: str = "day"
    weekends: bool = True
    compare: bool = False

    def __str__(self) -> str:
        words = [self.account, f"{self.period[0]:%m-%d}_{self.period[1]:%m-%d}", self.by]
        words += [f"team{self.team}"] if self.team is not None else []
        words += [] if self.weekends else ["weekdays"]
        return "-".join([*words, "compared"] if self.compare else words)


FEW = (
    Case(ENTERPRISE, compare=True),
    Case(LABS, MIDDLE, by="week", compare=True),
    Case(PLATFORM, MIDDLE, by="month", weekends=False),
    Case(APPS, team=0, weekends=False, compare=True),
    Case(ENTERPRISE, WEEK, team=0, by="week"),
)
ALL = [
    Case(account, period, team, by, weekends, compare=by == "day")
    for account, team in ((ENTERPRISE, None), (ENTERPRISE, 0), (APPS, None), (PLATFORM, None), (PLATFORM, 1),
                          (LABS, None))
    for period in PERIODS
    for by in ("day", "week", "month")
    for weekends in (True, False)
]  # fmt: skip


@dataclass
class TakenIn:
    truth: Truth
    cases: Sequence[Case]
    # Whom the pages about one person are about.
    person: int
    # How many days of it there are.
    days: int

    @property
    def login(self) -> str:
        return self.truth.oracle.login(self.person)

    def question(self, case: Case) -> Question:
        by_name = {name: account for account, name in self.truth.oracle.labels.items()}
        first, last = case.period
        length = last - first + DAY
        question = Question(
            by_name[case.account], first, last, TODAY, by=case.by, weekends=case.weekends,
            before=(first - length, last - length) if case.compare else None,
            params={"person": str(self.person)},
        )  # fmt: skip
        if case.team is None:
            return question
        whole = replace(question, first=LAST_DAY - 100 * DAY, last=LAST_DAY)
        return replace(question, team=self.truth.teams(whole)[case.team])

    def asked(self, question: Question) -> Asked:
        account = Account.objects.get(kind=question.account.kind, github_id=question.account.id)
        team = Team.objects.get(account=account, github_id=question.team) if question.team else None
        return Asked(
            scope=Scope(account, team),
            period=Period(question.first, question.last),
            today=question.today,
            user=get_user_model().objects.get(username=self.login),
            before=Period(*question.before) if question.before else None,
            weekends=question.weekends,
            by=By(question.by),
            params=dict(question.params) | {"person": str(GitHubUser.objects.get(github_id=self.person).pk)},
        )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((50, 60, FEW), id="50 people"),
        pytest.param((50, 60, ALL), id="50 people in every way", marks=pytest.mark.long),
        pytest.param((2_000, 60, FEW), id="2,000 people", marks=pytest.mark.long),
        pytest.param((20_000, MONTH, FEW), id="20,000 people", marks=pytest.mark.long),
    ],
)
def taken_in(
    request: Any, tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any
) -> Iterator[TakenIn]:
    people, days, cases = request.param
    folder = tmp_path_factory.mktemp("company")
    files = write_files(Company(LAST_DAY, people=people, days=days, teams=5 if people < 100 else 12), folder)
    spice(files)
    files += repositories(folder, LAST_DAY)
    # One organization's middle export was lost: a gap of three weeks.
    files = [file for file in files if not ("users October" in file.path.name and PLATFORM in str(file.path))]
    with passing_database(django_db_blocker):
        answers = take_in(files)
        assert not [answer for answer in answers if answer["rows_rejected"]]
        truth = Truth(Oracle.of(files))
        company = TakenIn(truth, cases, busiest(truth.oracle), days)
        # The name of a user of the portal tells whose own use it is.
        get_user_model().objects.create_superuser(company.login, "olga@example.com", "x")
        yield company


def busiest(oracle: Oracle) -> int:
    """Somebody with lines in more than one account."""
    lines: Counter[int] = Counter()
    accounts: dict[int, set[object]] = defaultdict(set)
    for account, days in oracle.people.items():
        for users in days.values():
            lines.update(users.keys())
            for user_id in users:
                accounts[user_id].add(account)
    return max(lines, key=lambda user_id: (len(accounts[user_id]), lines[user_id], user_id))


KEYS = [(slug, key) for slug, each in pages.items() for key in each.panels]


@pytest.mark.parametrize(("slug", "key"), KEYS, ids=[f"{slug}/{key}" for slug, key in KEYS])
def test_a_panel_says_what_the_raw_files_say(taken_in: TakenIn, slug: str, key: str) -> None:
    if (slug, key) in WITHOUT:
        pytest.skip(WITHOUT[slug, key])
    assert (slug, key) in reckonings, "nobody reckons this panel again"
    compared = 0
    with the_day_after():
        for case in taken_in.cases:
            question = taken_in.question(case)
            expected = reckonings[slug, key](taken_in.truth, question)
            panel = panel_of(pages[slug].panels[key].function, taken_in.asked(question))
            beside = [column.name for column in panel.columns if column.name.endswith("_before")]
            if expected.rows and question.before and not set(beside) <= set(expected.rows[0]):
                earlier = reckonings[slug, key](taken_in.truth, question.earlier())
                expected.rows = with_before(expected.rows, earlier.rows or [], beside)
            compared += assert_same(panel, expected, str(case))
    if not compared and taken_in.days <= MONTH and (slug, key) in LOOKING_BACK:
        pytest.skip("of a month alone it shows nothing")
    assert compared, "not one figure was compared"


def with_before(rows: Table, earlier: Table, names: list[str]) -> Table:
    """Each step beside the same step of the period before."""
    return [
        {
            **row,
            **{
                name: earlier[number][name.removesuffix("_before")] if number < len(earlier) else None
                for name in names
            },
        }
        for number, row in enumerate(rows)
    ]


def test_every_reckoning_is_of_a_panel() -> None:
    assert set(reckonings) <= set(KEYS)
    assert set(WITHOUT) <= set(KEYS)


def assert_same(panel: Panel, expected: Expected, case: str) -> int:
    """Every figure of the panel is as expected; returns how many there are."""
    compared = 0
    rows = [
        {column.name: plain(value) for column, value in zip(panel.columns, row, strict=True)}
        for row in panel.rows
    ]
    figures = {column.name for column in panel.columns if column.kind not in (Kind.TEXT, Kind.DAY)}
    if expected.rows is None:
        assert not (rows and figures), f"{case}: nobody reckons its rows"
    else:
        wanted = [{name: shown(value) for name, value in row.items()} for row in expected.rows]
        if expected.ranked_by:
            wanted = first_ones(rows, wanted, expected, case)
        elif not expected.in_order:
            rows = sorted(rows, key=lambda row: told(row, wanted))
            wanted = sorted(wanted, key=lambda row: told(row, wanted))
            ours, theirs = ({told(row, wanted) for row in each} for each in (rows, wanted))
            assert ours == theirs, f"{case}: {sorted(ours - theirs)[:5]} for {sorted(theirs - ours)[:5]}"
        assert len(rows) == len(wanted), (
            f"{case}: {len(rows)} rows for {len(wanted)}\n{rows[:3]}\n{wanted[:3]}"
        )
        for number, (row, want) in enumerate(zip(rows, wanted, strict=True)):
            assert figures <= set(want) <= set(row), f"{case}: columns {list(row)} for {list(want)}"
            for name, value in want.items():
                assert same(row[name], value), (
                    f"{case}: row {number} {name} is {row[name]!r}, must be {value!r}\n{row}\n{want}"
                )
                compared += 1
    headlines = {headline.label: headline for headline in panel.headlines}
    if expected.headlines is None:
        assert not headlines, f"{case}: nobody reckons its headlines {list(headlines)}"
    else:
        assert list(headlines) == list(expected.headlines), case
        for name, want in expected.headlines.items():
            value, before = want if isinstance(want, tuple) else (want, headlines[name].before)
            assert same(headlines[name].value, shown(value)), (
                f"{case}: {name} is {headlines[name].value!r}, must be {value!r}"
            )
            assert same(headlines[name].before, shown(before)), (
                f"{case}: {name} was {headlines[name].before!r}, must be {before!r}"
            )
            compared += 1
    return compared


def first_ones(
    rows: list[dict[str, Any]], wanted: list[dict[str, Any]], expected: Expected, case: str
) -> list[dict[str, Any]]:
    """Of all rows that may be there those that are, once their number and order are right."""
    name, sign = expected.ranked_by, -1 if expected.descending else 1
    assert len(rows) == min(len(wanted), expected.most), f"{case}: {len(rows)} rows of {len(wanted)}"
    values = [row[name] for row in rows]
    ranked = sorted((row[name] for row in wanted if row[name] is not None), key=lambda value: sign * value)
    ranked += [None] * (len(wanted) - len(ranked))
    assert values == ranked[: len(values)], f"{case}: {name} is {values}, must be {ranked[: len(values)]}"
    key = next(iter(wanted[0])) if wanted else ""
    by_key = {row[key]: row for row in wanted}
    assert len({row[key] for row in rows}) == len(rows), f"{case}: somebody twice"
    return [by_key[row[key]] for row in rows]


def told(row: Mapping[str, Any], wanted: list[dict[str, Any]]) -> str:
    """What a row is known by: its words."""
    names = sorted({name for each in wanted for name, value in each.items() if isinstance(value, str)})
    return repr([str(row.get(name)) for name in names])


def shown(value: Any) -> Any:
    return label(value.kind, value.name) if isinstance(value, Named) else value


def same(value: Any, wanted: Any) -> bool:
    """The same figure: whole numbers exactly, quotients but for the last of their 28 digits."""
    if value is None or wanted is None:
        return value is wanted
    if isinstance(value, date) or isinstance(wanted, date):
        return str(value) == str(wanted)
    if isinstance(value, str) or isinstance(wanted, str):
        return bool(value == wanted)
    if isinstance(value, int) and isinstance(wanted, int):
        return value == wanted
    one, other = Decimal(str(value)), Decimal(str(wanted))
    closeness = Decimal("1e-9") if isinstance(value, float) else Decimal("1e-24")
    return abs(one - other) <= closeness * max(abs(one), abs(other))
