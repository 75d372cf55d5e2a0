"""Every number that the portal exports equals an independent reckoning over the raw files."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from metrics.sample import SampleFile
from tests.metrics.oracle import COUNTERS, Oracle
from tests.metrics.taking_in import (
    LAST_DAY,
    Row,
    database,
    export,
    exports,
    passing_database,
    take_in,
    write_company,
)

# The fixtures open the database themselves: each company is taken in once for many tests.
pytestmark = pytest.mark.django_db

WINDOWS = (30, 60, 90)
TODAY = LAST_DAY + timedelta(days=1)


def as_csv(value: Any) -> str:
    """A value as a CSV file has it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{value:.4f}" if isinstance(value, Decimal) else str(value)


def assert_same(exported: Sequence[Row], expected: Sequence[Row], *keys: str) -> None:
    """The same rows, and every figure of the reckoning in them."""
    ours = {tuple(row[key] for key in keys): row for row in exported}
    theirs = {tuple(as_csv(row[key]) for key in keys): row for row in expected}
    assert len(ours) == len(exported)
    assert len(theirs) == len(expected)
    assert ours.keys() == theirs.keys()
    assert expected, "nothing was compared"
    for key, row in theirs.items():
        assert {name: ours[key][name] for name in row} == {name: as_csv(row[name]) for name in row}, key


@dataclass
class TakenIn:
    """A company that was taken in, what the portal exported of it, and what is true."""

    oracle: Oracle
    answers: list[Row]
    exported: dict[tuple[str, ...], list[Row]]

    def of(self, *question: str) -> list[Row]:
        return self.exported[question]


ORGANIZATION, ENTERPRISE = "octo-platform", "octo-industries"
MIDDLE = (LAST_DAY - timedelta(days=18), LAST_DAY - timedelta(days=5))
PERIOD = ("--from", str(MIDDLE[0]), "--to", str(MIDDLE[1]))
QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("daily-metrics",),
    ("daily-metrics", "--organization", ORGANIZATION),
    ("daily-metrics", "--enterprise", ENTERPRISE),
    ("user-metrics",),
    ("user-metrics", *PERIOD),
    ("user-metrics", "--enterprise", ENTERPRISE, "--by", "day"),
    ("team-metrics",),
    ("team-metrics", *PERIOD),
    *(("inactive-seats", "--days", str(days), "--as-of", str(LAST_DAY)) for days in WINDOWS),
    *(("inactive-seats", "--days", str(days)) for days in WINDOWS),
    ("seats", "--as-of", str(LAST_DAY)),
    ("seats",),
    ("users-low-acceptance", "--organization", ORGANIZATION),
    ("users-low-acceptance", "--enterprise", ENTERPRISE, "--below", "0.2"),
    ("teams-low-adoption", "--organization", ORGANIZATION, "--below", "0.9"),
    ("teams-low-adoption", "--organization", "octo-apps"),
)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((120, 28), id="120 people, 28 days"),
        pytest.param((2_000, 28), id="2,000 people, 28 days", marks=pytest.mark.long),
    ],
)
def company(request: Any, tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any) -> TakenIn:
    files = write_company(tmp_path_factory.mktemp("company"), *request.param)
    with passing_database(django_db_blocker):
        answers = take_in(files)
        exported = {question: export(*question) for question in QUESTIONS}
    return TakenIn(Oracle.of(files), answers, exported)


class TestAgainstTheRawFiles:
    def test_every_row_is_taken_in_and_counted(self, company: TakenIn) -> None:
        for answer in company.answers:
            assert "error" not in answer, answer
            assert answer["rows_rejected"] == 0, answer["rejected"]
            assert "conflicts" not in answer
            assert answer["rows_read"] == sum(
                answer[f"rows_{name}"] for name in ("new", "changed", "unchanged", "superseded")
            )

    def test_daily_metrics(self, company: TakenIn) -> None:
        rows = company.of("daily-metrics")
        assert {row["source"] for row in rows} == {"report", "users"}
        assert_same(rows, company.oracle.daily_metrics(), "day", "organization", "enterprise")

    def test_daily_metrics_of_one_account(self, company: TakenIn) -> None:
        true = company.oracle.daily_metrics()
        for name, kind in ((ORGANIZATION, "organization"), (ENTERPRISE, "enterprise")):
            own = [
                row
                for row in true
                if row[kind] == name and (row["organization"] == "") == (kind == "enterprise")
            ]
            assert_same(company.of("daily-metrics", f"--{kind}", name), own, "day", "organization")

    def test_user_metrics(self, company: TakenIn) -> None:
        keys = ("user_id", "organization", "enterprise")
        assert_same(company.of("user-metrics"), company.oracle.user_metrics(), *keys)

    def test_user_metrics_of_a_period(self, company: TakenIn) -> None:
        keys = ("user_id", "organization", "enterprise")
        assert_same(company.of("user-metrics", *PERIOD), company.oracle.user_metrics(*MIDDLE), *keys)

    def test_user_metrics_by_day_add_up_to_those_of_the_period(self, company: TakenIn) -> None:
        sums: dict[str, Counter[str]] = {}
        for row in company.of("user-metrics", "--enterprise", ENTERPRISE, "--by", "day"):
            person = sums.setdefault(row["user_id"], Counter())
            person.update({"active_days": 1} | {name: int(row[name]) for name in COUNTERS})
        own = [row for row in company.oracle.user_metrics() if row["organization"] == ""]
        assert {int(user_id): dict(person) for user_id, person in sums.items()} == {
            row["user_id"]: {name: row[name] for name in ("active_days", *COUNTERS)} for row in own
        }

    def test_team_metrics_by_the_join_as_of_each_day(self, company: TakenIn) -> None:
        keys = ("team_id", "organization", "enterprise")
        rows = company.of("team-metrics")
        assert_same(rows, company.oracle.team_metrics(), *keys)
        assert "skunkworks" not in {row["slug"] for row in rows}, "teams under five seats are not reported"
        assert [row["slug"] for row in rows].count("(unattributed)") == 4

    def test_team_metrics_of_a_period(self, company: TakenIn) -> None:
        keys = ("team_id", "organization", "enterprise")
        assert_same(company.of("team-metrics", *PERIOD), company.oracle.team_metrics(*MIDDLE), *keys)

    @pytest.mark.parametrize("days", WINDOWS)
    def test_inactive_seats_as_of_the_last_day(self, company: TakenIn, days: int) -> None:
        exported = company.of("inactive-seats", "--days", str(days), "--as-of", str(LAST_DAY))
        keys = ("organization", "enterprise", "user_id")
        assert_same(exported, company.oracle.inactive_seats(LAST_DAY, days), *keys)

    @pytest.mark.parametrize("days", WINDOWS)
    def test_inactive_seats_as_of_today(self, company: TakenIn, days: int) -> None:
        exported = company.of("inactive-seats", "--days", str(days))
        keys = ("organization", "enterprise", "user_id")
        assert_same(exported, company.oracle.inactive_seats(TODAY, days), *keys)

    @pytest.mark.parametrize("day", [LAST_DAY, TODAY], ids=["the last day", "today"])
    def test_every_seat_with_its_verdict(self, company: TakenIn, day: Any) -> None:
        question = ("seats",) if day == TODAY else ("seats", "--as-of", str(day))
        # What only inactive-seats shows is not in this report.
        expected = [
            {name: value for name, value in row.items() if name != "days_idle"}
            for row in company.oracle.seats(day)
        ]
        assert_same(company.of(*question), expected, "organization", "enterprise", "login")
        verdicts = Counter(row["verdict"] for row in expected)
        assert set(verdicts) == {"pending", "active", "in_grace", "idle", "never_used", "unknown"}

    def test_a_seat_costs_the_list_price_of_its_plan(self, company: TakenIn) -> None:
        prices = {"business": Decimal(19), "enterprise": Decimal(39)}
        for row in company.of("seats"):
            if row["plan_type"] in prices:
                assert (Decimal(row["monthly_cost"]), row["currency"]) == (prices[row["plan_type"]], "USD")
            else:
                assert row["monthly_cost"] == ""

    def test_users_with_low_acceptance(self, company: TakenIn) -> None:
        for account, label in company.oracle.labels.items():
            question = ["users-low-acceptance", f"--{account.kind}", label]
            below = Decimal("0.10")
            if account.kind == "enterprise":
                question += ["--below", "0.2"]
                below = Decimal("0.2")
            if tuple(question) not in company.exported:
                continue
            rows = [{**row, "teams": set(row["teams"].split(";")) - {""}} for row in company.of(*question)]
            true = company.oracle.users_low_acceptance(account, below)
            teams = {str(row["user_id"]): row.pop("teams") for row in true}
            assert {row["user_id"]: row.pop("teams") for row in rows} == teams
            assert_same(rows, true, "user_id")

    def test_teams_with_low_adoption(self, company: TakenIn) -> None:
        for account, label in company.oracle.labels.items():
            for options, below in ((("--below", "0.9"), Decimal("0.9")), ((), Decimal("0.5"))):
                question = ("teams-low-adoption", f"--{account.kind}", label, *options)
                if question in company.exported:
                    true = company.oracle.teams_low_adoption(account, below)
                    assert_same(company.of(*question), true, "team_id")


@dataclass
class Told:
    """What the portal says after a run, in every way it can be asked."""

    exported: dict[tuple[str, ...], list[Row]]
    rows: dict[str, list[Any]]
    counts: Counter[str]

    @classmethod
    def after(cls, answers: Sequence[Row]) -> Told:
        counts: Counter[str] = Counter()
        for answer in answers:
            counts.update({name: value for name, value in answer.items() if name.startswith("rows_")})
        return cls(exports(), database(), counts)


@pytest.fixture(scope="module")
def files(tmp_path_factory: Any) -> list[SampleFile]:
    # The day that an older export shows in part is a busy one: Thursday, 22 October.
    last_day = LAST_DAY - timedelta(days=2)
    files = write_company(tmp_path_factory.mktemp("order"), 40, 30, last_day)
    return [file for file in files if file.enterprise or file.organization in (ORGANIZATION, "octo-apps")]


@pytest.fixture(scope="module")
def twice(files: list[SampleFile], django_db_setup: None, django_db_blocker: Any) -> tuple[Told, Told]:
    """What is told after the files were taken in, and after they were taken in again."""
    with passing_database(django_db_blocker):
        return Told.after(take_in(files)), Told.after(take_in(files))


@pytest.fixture(scope="module")
def in_order(twice: tuple[Told, Told]) -> Told:
    return twice[0]


class TestTheOrderOfFiles:
    """Newer and older exports, an enterprise's and its organizations', seats before and after use."""

    # Backwards the seats of each account come after its use, too.
    @pytest.mark.parametrize(
        "order",
        ["backwards", *(pytest.param(order, marks=pytest.mark.long) for order in ("shuffled", "seats last"))],
    )
    def test_does_not_matter(
        self, files: list[SampleFile], in_order: Told, order: str, django_db_blocker: Any
    ) -> None:
        with passing_database(django_db_blocker):
            told = Told.after(take_in(_in_order(files, order)))
        for table, rows in in_order.rows.items():
            assert told.rows[table] == rows, table
        for question, rows in in_order.exported.items():
            assert told.exported[question] == rows, question
        assert told.counts["rows_read"] == in_order.counts["rows_read"]

    def test_superseded_rows_are_counted(self, files: list[SampleFile], django_db_blocker: Any) -> None:
        newest, older = (file for file in files if file.enterprise and "users" in file.path.name)
        assert older.path.name == "users October 2026.ndjson.gz"
        with passing_database(django_db_blocker):
            [first], [second] = take_in([newest]), take_in([older])
            told = database()["UserDay"]
        with passing_database(django_db_blocker):
            [early], [late] = take_in([older]), take_in([newest])
            assert database()["UserDay"] == told
        assert first["rows_superseded"] == early["rows_superseded"] == late["rows_superseded"] == 0
        # What was superseded when it came late is what had to be changed when it came early.
        assert second["rows_superseded"] == late["rows_changed"] > 0

    def test_a_second_time_changes_nothing(self, twice: tuple[Told, Told]) -> None:
        in_order, told = twice
        assert told.counts["rows_new"] == 0
        assert told.counts["rows_changed"] == 0
        assert told.rows == in_order.rows
        assert told.exported == in_order.exported

    def test_an_organization_and_its_enterprise_never_add_up(self, in_order: Told) -> None:
        people = {row["user_id"] for row in in_order.exported["user-metrics",]}
        own = [row for row in in_order.exported["user-metrics",] if row["organization"] == ""]
        # Everybody who used Copilot is somebody of the enterprise, once.
        assert len(own) == len(people)


def _in_order(files: list[SampleFile], order: str) -> list[SampleFile]:
    if order == "backwards":
        return files[::-1]
    if order == "seats last":
        return sorted(files, key=lambda file: "seat" in file.path.name)
    return random.Random(3).sample(files, len(files))


class TestGitHubsPublishedExample:
    """Two people, two teams; one of them is in both: the join of GitHub's own documentation.

    https://docs.github.com/en/copilot/reference/copilot-usage-metrics/example-schema
    """

    USERS = (
        '{"day":"2026-05-20","organization_id":"4242","user_id":1001,"user_login":"monalisa",'
        '"user_initiated_interaction_count":14,"code_generation_activity_count":31,'
        '"code_acceptance_activity_count":12,"loc_suggested_to_add_sum":120,"loc_suggested_to_delete_sum":0,'
        '"loc_added_sum":88,"loc_deleted_sum":0}\n'
        '{"day":"2026-05-20","organization_id":"4242","user_id":1002,"user_login":"hubot",'
        '"user_initiated_interaction_count":6,"code_generation_activity_count":15,'
        '"code_acceptance_activity_count":7,"loc_suggested_to_add_sum":40,"loc_suggested_to_delete_sum":0,'
        '"loc_added_sum":24,"loc_deleted_sum":0}\n'
    )
    TEAMS = "".join(
        f'{{"user_id":{user},"user_login":"{login}","day":"2026-05-20","organization_id":"4242",'
        f'"team_id":{team},"slug":"{slug}"}}\n'
        for user, login, team, slug in (
            (1001, "monalisa", 51, "frontend"),
            (1001, "monalisa", 52, "backend"),
            (1002, "hubot", 51, "frontend"),
        )
    )

    @pytest.mark.parametrize("first", ["users", "teams"])
    def test_comes_out_exactly(self, first: str, tmp_path: Path, django_db_blocker: Any) -> None:
        files = [SampleFile(tmp_path / name, organization="octo-org") for name in ("one.json", "two.json")]
        texts = [self.USERS, self.TEAMS] if first == "users" else [self.TEAMS, self.USERS]
        for file, text in zip(files, texts, strict=True):
            file.path.write_text(text)
        with passing_database(django_db_blocker):
            take_in(files)
            rows = export("team-metrics", "--organization", "octo-org")
        figures = [
            (
                row["slug"],
                row["active_users"],
                row["code_acceptance_activity_count"],
                row["loc_added_sum"],
            )
            for row in rows
        ]
        assert figures == [
            ("backend", "1", "12", "88"),
            ("frontend", "2", "19", "112"),
            ("(unattributed)", "0", "0", "0"),
        ]
