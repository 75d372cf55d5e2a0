"""The sample company is what it says: GitHub-shaped, consistent in itself, and with every case in it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from metrics.sample import Company, SampleFile, write_files
from metrics.sample.usage import COUNTERS
from portal.models import AuditEntry, ReportFile
from seats.models import Account, GitHubUser, Seat, SeatDay, SeatReview
from seats.recorded_days import record_past
from tests.metrics.oracle import Oracle, contents, documents, flattened
from tests.metrics.taking_in import LAST_DAY, passing_database, the_day_after

Record = dict[str, Any]


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(LAST_DAY, people=200, days=60)


@pytest.fixture(scope="module")
def files(company: Company, tmp_path_factory: Any) -> list[SampleFile]:
    return write_files(company, tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def oracle(files: list[SampleFile]) -> Oracle:
    return Oracle.of(files)


def records(files: list[SampleFile]) -> Iterator[Record]:
    for file in files:
        for data in contents(file.path):
            text = data.decode("utf-8-sig")
            if not text.startswith("report_time"):
                yield from flattened(documents(text))


@pytest.fixture(scope="module")
def lines(files: list[SampleFile]) -> list[Record]:
    """Every per-user line of every export."""
    return [record for record in records(files) if "user_id" in record and "team_id" not in record]


class TestItsFiles:
    def test_are_the_same_for_the_same_seed(self, tmp_path: Path) -> None:
        def made(folder: str, seed: int) -> list[str]:
            some = write_files(Company(LAST_DAY, seed, people=60, days=10), tmp_path / folder)
            return [hashlib.sha256(file.path.read_bytes()).hexdigest() for file in some]

        assert made("one", 3) == made("two", 3)
        assert made("one", 3) != made("other", 4)

    def test_cover_every_day_and_none_after_the_last(self, company: Company, oracle: Oracle) -> None:
        for known in oracle.people.values():
            days = [day for day, people in known.items() if people]
            assert max(days) == company.last_day
            assert min(days) >= company.first_day
        enterprise = next(account for account in oracle.people if account.kind == "enterprise")
        assert sum(1 for people in oracle.people[enterprise].values() if people) == company.days
        assert len(oracle.teams[enterprise]) == company.days

    def test_come_in_every_dress(self, files: list[SampleFile]) -> None:
        starts = Counter(file.path.read_bytes()[:3] for file in files)
        assert starts[b"\xef\xbb\xbf"], "a byte order mark"
        assert any(start.startswith(b"\x1f\x8b") for start in starts), "gzip"
        assert starts[b"PK\x03"], "zip"
        assert any(b"\r\n" in file.path.read_bytes() for file in files if file.path.suffix == ".json")

    def test_hold_lines_of_a_likely_size(self, files: list[SampleFile]) -> None:
        file = next(file for file in files if file.path.suffix == ".ndjson" and "users" in file.path.name)
        sizes = sorted(len(line) for line in file.path.read_bytes().splitlines())
        assert 1_000 < sizes[len(sizes) // 2] < 4_500


class TestALine:
    def test_has_what_the_schema_requires(self, lines: list[Record]) -> None:
        for line in lines:
            assert isinstance(line["user_id"], int)
            assert isinstance(line["enterprise_id"], str)
            assert isinstance(line["user_login"], str)
            assert date.fromisoformat(line["day"])
            for name in COUNTERS:
                assert isinstance(line[name], int)
                assert line[name] >= 0
            for name in ("ide", "feature", "language_feature", "language_model", "model_feature"):
                assert isinstance(line[f"totals_by_{name}"], list)
            assert line["used_copilot_coding_agent"] == line["used_copilot_cloud_agent"]

    def test_breakdowns_by_feature_add_up_to_the_counters(self, lines: list[Record]) -> None:
        checked = 0
        for line in lines:
            if features := line["totals_by_feature"]:
                checked += 1
                for name in COUNTERS:
                    assert sum(entry[name] for entry in features) == line[name], (line["user_login"], name)
        assert checked > 1_000

    def test_breakdowns_by_ide_leave_out_what_is_done_elsewhere(self, lines: list[Record]) -> None:
        for line in lines:
            elsewhere = [entry for entry in line["totals_by_feature"] if entry["feature"] == "copilot_cli"]
            if line["totals_by_feature"]:
                for name in COUNTERS:
                    in_ides = sum(entry[name] for entry in line["totals_by_ide"])
                    assert in_ides + sum(entry[name] for entry in elsewhere) == line[name]

    def test_speaks_of_languages_as_often_as_of_features(self, lines: list[Record]) -> None:
        for line in lines:
            for name in COUNTERS[1:]:
                by_language = sum(entry[name] for entry in line["totals_by_language_feature"])
                assert by_language == sum(entry[name] for entry in line["totals_by_feature"])
            assert not any(COUNTERS[0] in entry for entry in line["totals_by_language_feature"])

    def test_may_be_of_somebody_the_server_alone_knows(self, lines: list[Record]) -> None:
        assert any(line[COUNTERS[0]] and not line["totals_by_feature"] for line in lines)

    def test_may_tell_of_nothing_but_a_passive_review(self, lines: list[Record]) -> None:
        assert any(
            line["used_copilot_code_review_passive"] and not any(line[name] for name in COUNTERS)
            for line in lines
        )

    def test_has_newer_fields_on_later_days_only(self, tmp_path: Path) -> None:
        old = write_files(Company(date(2026, 5, 20), people=60, days=5), tmp_path)
        known = {key for record in records(old) if "user_login" in record for key in record}
        assert not known & {"ai_credits_used", "ai_adoption_phase", "used_vscode_agent", "totals_by_skill"}

    def test_of_today_has_them(self, lines: list[Record]) -> None:
        known = {key for line in lines for key in line}
        assert {"ai_credits_used", "ai_adoption_phase", "used_vscode_agent", "totals_by_skill"} <= known
        assert {line["ai_adoption_phase"]["phase_number"] for line in lines} == {0, 1, 2, 3}


class TestTheTotals:
    def test_are_the_sums_and_distinct_counts_of_the_people(self, company: Company, oracle: Oracle) -> None:
        compared = 0
        for account, days in oracle.totals.items():
            for day, report in days.items():
                people = oracle.people[account].get(day, {}).values()
                assert report["daily_active_users"] == len(people)
                for name in COUNTERS:
                    assert report[name] == sum(line[name] for line in people)
                # The first windows reach back before the files do.
                if day >= company.first_day + timedelta(days=27):
                    compared += 1
                    for name, length in (("weekly", 7), ("monthly", 28)):
                        window = [day - timedelta(days=back) for back in range(length)]
                        everybody = {user for each in window for user in oracle.people[account].get(each, {})}
                        # Late telemetry of the last days is still missing in an older report.
                        assert abs(report[f"{name}_active_users"] - len(everybody)) <= 3
        assert compared > 50

    def test_of_one_organization_were_never_asked_for(self, oracle: Oracle) -> None:
        assert {oracle.labels[account] for account in oracle.people} - {
            oracle.labels[account] for account in oracle.totals
        } == {"octo-labs"}


class TestItsPeople:
    def test_stand_in_every_way_the_default_policy_knows(self, company: Company, oracle: Oracle) -> None:
        exempt = [person.id for person in company.executives]
        verdicts = Counter(row["verdict"] for row in oracle.seats(company.last_day, exempt=exempt))
        assert set(verdicts) == {
            "pending", "active", "exempt", "in_grace", "idle", "never_used", "unknown",
        }  # fmt: skip
        assert verdicts["active"] > sum(verdicts.values()) / 2

    def test_hold_seats_by_every_route_and_on_both_plans(self, company: Company, oracle: Oracle) -> None:
        seats = [row for row in oracle.seats(company.last_day) if row["user_id"]]
        routes = {route for row in seats for route in row["granted_by"].split(";")}
        assert routes == {"direct", "team", "enterprise", "enterprise_team"}
        assert {row["plan_type"] for row in seats} == {"business", "enterprise"}
        assert any(";" in row["granted_by"] for row in seats), "directly and by a team"
        several = Counter(row["user_id"] for row in seats)
        assert max(several.values()) == 2, "in two organizations"

    def test_come_and_go(self, oracle: Oracle) -> None:
        first, *_, last = sorted(oracle.seat_lists, key=lambda seats: seats.moment)
        before = {seat["assignee"]["id"] for seat in first.seats}
        after = {seat["assignee"]["id"] for seat in last.seats}
        assert before - after, "leavers"
        assert after - before, "joiners"

    def test_change_teams_and_the_past_stays_with_the_old_one(self, oracle: Oracle) -> None:
        moved = 0
        for account, days in oracle.teams.items():
            first, last = days[min(days)], days[max(days)]
            for team_id, members in first.items():
                gone = members - last.get(team_id, set())
                moved += sum(any(user_id in others for others in last.values()) for user_id in gone) * (
                    account.kind == "organization"
                )
        assert moved >= 2

    def test_somebody_changes_their_login(self, oracle: Oracle) -> None:
        assert max(Counter(user_id for user_id, _ in oracle.logins).values()) == 2

    def test_somebody_takes_a_login_over(self, oracle: Oracle) -> None:
        [(login, count)] = [
            (login, count)
            for login, count in Counter(login for _, login in oracle.logins).items()
            if count > 1
        ]
        assert count == 2
        leaver, heir = sorted(
            (span for (_, name), span in oracle.logins.items() if name == login), key=lambda span: span[0]
        )
        assert leaver[1] < heir[0]

    def test_github_forgets_a_last_activity_that_we_remember(self, oracle: Oracle) -> None:
        remembered = set()
        for seats in sorted(oracle.seat_lists, key=lambda each: each.moment):
            for seat in seats.seats:
                if seat["last_activity_at"]:
                    remembered.add(seat["assignee"]["id"])
                elif seat["assignee"]["id"] in remembered:
                    return
        pytest.fail("nobody's last activity becomes null")

    def test_a_team_under_five_seats_is_in_no_report(self, company: Company, oracle: Oracle) -> None:
        reported = {slug for _, slug in oracle.slugs.values()}
        assert {team.slug for team in company.team_list} - reported == {"skunkworks"}
        assert company.teams == 12


def load(**options: Any) -> Record:
    output = StringIO()
    with the_day_after():
        call_command("load_sample_company", people=60, days=8, json=True, stdout=output, **options)
    return dict(json.loads(output.getvalue().splitlines()[-1]))


@pytest.mark.django_db
def test_loading_it_is_refused_beside_real_data() -> None:
    ReportFile.objects.create(source=ReportFile.Source.UPLOAD, kind="seats", name="ours.json", size=1)
    with pytest.raises(CommandError, match="real account") as refused:
        load()
    assert refused.value.returncode == 2
    assert not Account.objects.exists()


@pytest.fixture(scope="class")
def loaded(django_db_setup: None, django_db_blocker: Any) -> Iterator[Record]:
    """What loading it answers; it is there for all tests of the class."""
    with passing_database(django_db_blocker):
        yield load()


@pytest.mark.django_db
@pytest.mark.usefixtures("loaded")
class TestLoadingIt:
    def test_fills_the_portal_by_the_pipeline_of_every_other_file(self, loaded: Record) -> None:
        answer = loaded
        assert answer["seats"] == Seat.objects.held().count() > 50
        assert answer["files"] == ReportFile.objects.filter(source=ReportFile.Source.SAMPLE).count()
        assert set(Seat.objects.held().values_list("verdict", flat=True)) == {
            "pending", "active", "exempt", "in_grace", "idle", "never_used", "unknown",
        }  # fmt: skip
        assert SeatReview.objects.open().count() == answer["inactive"] > 0
        assert set(Account.objects.values_list("login", flat=True)) == {
            "octo-industries", "octo-apps", "octo-platform", "octo-labs",
        }  # fmt: skip
        assert GitHubUser.objects.provisional().count() == 3
        assert not ReportFile.objects.exclude(rows_rejected=0).exists()

    def test_tells_of_seats_on_each_day_as_if_the_portal_had_been_there(self) -> None:
        today = LAST_DAY + timedelta(days=1)
        recorded = SeatDay.objects.order_by("day").values_list("day", flat=True).distinct()
        assert list(recorded) == [today - timedelta(days=back) for back in range(8, -1, -1)]
        for day in recorded:
            assert SeatDay.objects.filter(day=day, verdict="active").aggregate(n=Sum("seats"))["n"] > 20, day

        groups = SeatDay.objects.filter(day=today).values_list("account", "plan_type", "verdict", "seats")
        held = set(groups)
        assert len({verdict for _, _, verdict, _ in held}) == 7
        with the_day_after():
            record_past(today)
        assert set(groups.all()) == held, "both ways of recording a day say the same of it"

    def test_leaves_no_files_of_its_own_behind(self, settings: Any) -> None:
        assert list(Path(settings.DATA_DIR).glob("sample-company-*")) == []

    def test_a_second_time_finds_nothing_to_do(self) -> None:
        files = ReportFile.objects.count()
        assert load() == {"files": 0, "rows_new": 0}
        assert ReportFile.objects.count() == files
        assert AuditEntry.objects.filter(action="sample company loaded").count() == 1
