"""Taking in people's days: which version wins, what is covered, what is rejected, what is refused."""

from __future__ import annotations

import itertools
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from metrics import figures
from metrics.ingest import rebuild_files
from metrics.ingest.rejects import retry
from metrics.models import DayUsers, DirtyDay, ReportDay, ScopeDay, TeamDay, TeamRoster, UserDay
from metrics.undo import undo
from portal.models import RejectedLine, ReportFile
from seats.models import Account, Evidence, GitHubUser
from tests.metrics.report_files import take, team_row, user_day, write_lines

pytestmark = pytest.mark.django_db

DAY = "2026-09-10"


def twenty_eight(line: dict, end: str) -> dict:
    return {**line, "report_start_day": "2026-09-01", "report_end_day": end}


def state() -> list[tuple]:
    """All that the portal shows of people's days, without keys."""
    return list(
        UserDay.objects.order_by("account__github_id", "user__github_id", "day").values_list(
            "account__github_id",
            "user__github_id",
            "user__login",
            "day",
            "user_initiated_interaction_count",
            "observed_at",
        )
    )


def test_a_second_run_of_the_same_file_changes_nothing_but_its_own_record(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(n, DAY) for n in range(1, 6)])
    assert take(path).counts.rows_new == 5
    before = list(UserDay.objects.values()), list(ScopeDay.objects.values())
    again = take(path)
    assert (again.counts.rows_read, again.counts.rows_unchanged) == (5, 5)
    assert before == (list(UserDay.objects.values()), list(ScopeDay.objects.values()))
    assert ReportFile.objects.count() == 2


def test_the_same_lines_in_another_form_are_unchanged(tmp_path: Path) -> None:
    lines = [user_day(n, DAY) for n in range(1, 6)]
    take(write_lines(tmp_path / "a", lines))
    array = tmp_path / "b"
    array.write_text(json.dumps(lines, indent=2))
    assert take(array).counts.rows_unchanged == 5


def test_the_newer_report_wins_and_the_older_is_superseded_in_any_order(tmp_path: Path) -> None:
    older = write_lines(
        tmp_path / "older",
        [twenty_eight(user_day(1, DAY, user_initiated_interaction_count=1), "2026-09-20")],
    )
    newer = write_lines(
        tmp_path / "newer",
        [twenty_eight(user_day(1, DAY, user_initiated_interaction_count=2), "2026-09-25")],
    )
    assert take(newer).counts.rows_new == 1
    assert take(older).counts.rows_superseded == 1
    assert UserDay.objects.get().user_initiated_interaction_count == 2


def test_any_order_of_files_gives_the_same_rows(tmp_path: Path) -> None:
    files = [
        write_lines(
            tmp_path / f"{end}",
            [
                twenty_eight(
                    user_day(n, DAY, login=f"{end[-2:]}-{n}", user_initiated_interaction_count=n * k), end
                )
                for n in range(1, 5)
            ],
        )
        for k, end in enumerate(["2026-09-12", "2026-09-14", "2026-09-13"], start=1)
    ]
    seen = []
    for order in itertools.permutations(files):
        for model in (UserDay, ReportDay, ScopeDay, TeamDay, DayUsers):
            model.objects.all().delete()
        ReportFile.objects.all().delete()
        GitHubUser.objects.all().delete()
        for path in order:
            take(path)
        seen.append(state())
    assert all(one == seen[0] for one in seen)


def test_files_of_one_moment_that_differ_are_settled_by_their_content_and_counted(tmp_path: Path) -> None:
    one = write_lines(tmp_path / "1", [user_day(1, DAY, user_initiated_interaction_count=1)])
    two = write_lines(tmp_path / "2", [user_day(1, DAY, user_initiated_interaction_count=2)])
    take(one)
    assert take(two).counts.conflicts == 1
    first = state()
    UserDay.objects.all().delete()
    ReportDay.objects.all().delete()
    ScopeDay.objects.all().delete()
    ReportFile.objects.all().delete()
    take(two)
    take(one)
    assert state() == first


def test_organization_and_enterprise_reports_of_the_same_people_stay_apart(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "o", [user_day(1, DAY), user_day(2, DAY)]))
    take(
        write_lines(
            tmp_path / "e", [user_day(1, DAY, organization=None), user_day(2, DAY, organization=None)]
        )
    )
    totals = dict(ScopeDay.objects.values_list("account__kind", "daily_active_users"))
    assert totals == {"organization": 2, "enterprise": 2}
    assert GitHubUser.objects.count() == 2


def test_broken_lines_are_kept_by_number_and_the_good_ones_are_in(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(n, DAY) for n in range(1, 4)])
    lines = path.read_text().splitlines()
    lines.insert(1, '{"day": "2026-09-10", "user_id": 7,')
    lines.append(lines[0].replace("2026-09-10", "9999-01-01"))
    path.write_text("\n".join(lines))
    outcome = take(path)
    assert (outcome.counts.rows_new, outcome.counts.rows_rejected) == (3, 2)
    assert [line for line, _ in outcome.rejected] == [2, 5]
    assert "future" in outcome.rejected[1][1]
    assert list(RejectedLine.objects.values_list("line_number", flat=True)) == [2, 5]


def test_mending_the_file_and_taking_it_in_again_brings_in_exactly_the_missing(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(n, DAY) for n in range(1, 5)])
    whole = path.read_text()
    path.write_text(whole.replace('"user_id": 3', '"user_id": "three"'))
    assert take(path).counts.rows_rejected == 1
    path.write_text(whole)
    outcome = take(path, retry_rejected=True)
    assert (outcome.counts.rows_new, outcome.counts.rows_unchanged) == (1, 3)


def test_a_mended_rejected_line_can_be_retried_by_itself(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(1, DAY), user_day(2, DAY)])
    path.write_text(path.read_text().replace('"user_id": 2', '"user_id": -2'))
    file = take(path).report_file
    line = RejectedLine.objects.get()
    (still,) = retry([line])
    assert still.counts.rows_rejected == 1
    line.line = line.line.replace("-2", "2")
    (mended,) = retry([line])
    assert mended.counts.rows_new == 1
    line.refresh_from_db()
    file.refresh_from_db()
    assert line.resolved_at
    assert (file.rows_read, file.rows_new, file.rows_rejected) == (2, 2, 0)
    assert ScopeDay.objects.get().daily_active_users == 2


def test_a_file_of_another_organization_than_the_one_named_is_refused_whole(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [user_day(1, DAY, organization=1)]), organization="acme")
    outcome = take(write_lines(tmp_path / "b", [user_day(2, DAY, organization=2)]), organization="acme")
    assert "another organization" in outcome.error
    assert UserDay.objects.count() == 1
    assert ReportFile.objects.count() == 1
    assert not Account.objects.filter(github_id=2).exists()


def test_an_enterprise_report_is_not_taken_for_an_organizations(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(1, DAY, organization=None)])
    assert "enterprise" in take(path, organization="acme").error
    assert not UserDay.objects.exists()


def test_a_login_met_with_its_account_before_the_id_is_one_account(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [user_day(1, DAY)]))
    take(write_lines(tmp_path / "b", [user_day(1, "2026-09-11")]), organization="Acme")
    account = Account.objects.organizations().get()
    assert (account.login, account.github_id) == ("Acme", 1)
    assert set(UserDay.objects.values_list("account", flat=True)) == {account.pk}


def test_a_complete_file_removes_who_is_no_longer_in_it_and_lists_them(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [twenty_eight(user_day(n, DAY), "2026-09-20") for n in (1, 2, 3)]))
    newer = write_lines(tmp_path / "b", [twenty_eight(user_day(n, DAY), "2026-09-21") for n in (1, 3)])
    outcome = take(newer, complete=True)
    assert outcome.removed == ["user-2 on 2026-09-10"]
    assert UserDay.objects.count() == 2
    assert ScopeDay.objects.get().daily_active_users == 2


def test_of_one_moment_the_complete_file_decides_who_was_there_in_any_order(tmp_path: Path) -> None:
    part = write_lines(tmp_path / "a", [user_day(n, DAY) for n in (1, 2, 3)])
    whole = write_lines(tmp_path / "b", [user_day(n, DAY) for n in (1, 3)])
    take(part)
    assert take(whole, complete=True).removed == ["user-2 on 2026-09-10"]
    first = state()
    UserDay.objects.all().delete()
    ReportDay.objects.all().delete()
    ReportFile.objects.all().update(state=ReportFile.State.UNDONE)
    take(whole, complete=True)
    assert take(part).counts.rows_superseded == 1
    assert state() == first


def test_a_dry_run_of_a_complete_file_lists_whom_it_would_remove(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [user_day(n, DAY) for n in (1, 2, 3)]))
    whole = write_lines(tmp_path / "b", [user_day(n, DAY) for n in (1, 3)])
    assert take(whole, complete=True, dry_run=True).removed == ["user-2 on 2026-09-10"]
    assert UserDay.objects.count() == 3


def test_a_complete_membership_report_removes_who_left_the_team(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [team_row(n, 10, DAY) for n in (1, 2)] + [team_row(3, 20, DAY)]))
    outcome = take(write_lines(tmp_path / "b", [team_row(1, 10, DAY)]), complete=True)
    assert outcome.removed == ["1 of team-10 on 2026-09-10", "1 of team-20 on 2026-09-10"]
    assert [roster.member_count for roster in TeamRoster.objects.all()] == [1]


def test_an_older_partial_file_does_not_bring_back_whom_a_complete_one_removed(tmp_path: Path) -> None:
    newer = write_lines(tmp_path / "b", [twenty_eight(user_day(n, DAY), "2026-09-21") for n in (1, 3)])
    take(newer, complete=True)
    older = write_lines(tmp_path / "a", [twenty_eight(user_day(n, DAY), "2026-09-20") for n in (1, 2, 3)])
    outcome = take(older)
    assert (outcome.counts.rows_superseded, outcome.counts.rows_unchanged) == (1, 2)


def test_a_partial_upload_adds_and_changes_only(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [user_day(n, DAY) for n in (1, 2, 3)]))
    take(write_lines(tmp_path / "b", [user_day(4, DAY)]))
    assert ScopeDay.objects.get().daily_active_users == 4


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(n, DAY) for n in range(1, 6)] + [{"day": 3}])
    outcome = take(path, dry_run=True)
    assert (outcome.counts.rows_new, outcome.counts.rows_rejected) == (5, 1)
    for model in (UserDay, ReportFile, RejectedLine, GitHubUser, Account, DirtyDay, ReportDay, Evidence):
        assert not model.objects.exists(), model


def test_a_passive_review_alone_is_no_evidence_but_counts_as_active_that_day(tmp_path: Path) -> None:
    passive = user_day(1, DAY, user_initiated_interaction_count=0, used_copilot_code_review_passive=True)
    take(write_lines(tmp_path / "a", [passive, user_day(2, DAY, user_initiated_interaction_count=0)]))
    assert list(Evidence.objects.values_list("user__github_id", "source", "last_on")) == [
        (2, "usage_report", date(2026, 9, 10))
    ]
    assert ScopeDay.objects.get().daily_active_users == 2


def test_githubs_published_team_example_comes_out_exactly(tmp_path: Path) -> None:
    people = [
        user_day(1, DAY, code_acceptance_activity_count=12, loc_added_sum=88),
        user_day(2, DAY, code_acceptance_activity_count=7, loc_added_sum=24),
    ]
    teams = [team_row(1, 10, DAY), team_row(2, 10, DAY), team_row(1, 20, DAY)]
    take(write_lines(tmp_path / "teams", teams))
    take(write_lines(tmp_path / "people", people))
    named = TeamDay.objects.exclude(team=None).order_by("team__github_id")
    assert list(
        named.values_list("team__slug", "active_users", "code_acceptance_activity_count", "loc_added_sum")
    ) == [("team-10", 2, 19, 112), ("team-20", 1, 12, 88)]


def test_team_membership_that_comes_after_the_usage_rebuilds_the_day(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "people", [user_day(1, DAY), user_day(2, DAY)]))
    unattributed = TeamDay.objects.get(team=None)
    assert unattributed.active_users == 2
    take(write_lines(tmp_path / "teams", [team_row(1, 10, DAY)]))
    assert TeamDay.objects.get(team__github_id=10).active_users == 1
    assert TeamDay.objects.get(team=None).active_users == 1
    assert not DirtyDay.objects.exists()


def test_rows_always_add_up(tmp_path: Path) -> None:
    lines = [user_day(1, DAY), user_day(1, DAY, loc_added_sum=4), user_day(2, DAY), {"broken": 1}]
    file = take(write_lines(tmp_path / "a", lines)).report_file
    file.refresh_from_db()
    assert file.rows_read == 4
    assert UserDay.objects.count() == 2


def test_a_rejected_element_is_retried_with_what_the_object_around_it_said(tmp_path: Path) -> None:
    lines = [user_day(n, DAY, organization=None) for n in (1, 2)]
    for line in lines:
        del line["enterprise_id"]
    lines[1]["user_id"] = -2
    path = tmp_path / "a"
    path.write_text(json.dumps({"organization_id": "1", "report_end_day": "2026-09-28", "day_totals": lines}))
    take(path)
    line = RejectedLine.objects.get()
    line.line = line.line.replace("-2", "2")
    (outcome,) = retry([line])
    assert outcome.counts.rows_new == 1
    assert len(set(UserDay.objects.values_list("account", "observed_at"))) == 1


class TestDaysWithoutALine:
    """A report over several days knows each of them: on a day without a line nobody did anything."""

    WINDOW = {"report_start_day": "2026-10-01", "report_end_day": "2026-10-28"}

    def lines(self, *days: str) -> list[dict[str, Any]]:
        return [user_day(1, day, **self.WINDOW) for day in days]

    def test_are_covered_like_the_others(self, tmp_path: Path) -> None:
        take(write_lines(tmp_path / "users.json", self.lines("2026-10-24", "2026-10-26")))

        covered = ReportDay.objects.filter(report="users").order_by("day")
        assert [covered[0].day, covered[27].day, len(covered)] == [date(2026, 10, 1), date(2026, 10, 28), 28]
        assert UserDay.objects.count() == 2

    def test_leave_no_hole_in_weeks_and_months(self, tmp_path: Path) -> None:
        take(write_lines(tmp_path / "users.json", self.lines("2026-10-24", "2026-10-26")))

        account = Account.objects.organizations().get()
        assert figures.active_users(account, date(2026, 10, 26)) == figures.ActiveUsers(1, 1, None)
        assert figures.active_users(account, date(2026, 10, 28)) == figures.ActiveUsers(0, 1, 1)

    def test_have_no_totals_of_their_own(self, tmp_path: Path) -> None:
        take(write_lines(tmp_path / "users.json", self.lines("2026-10-24", "2026-10-26")))

        days = ScopeDay.objects.order_by("day").values_list("day", flat=True)
        assert list(days) == [date(2026, 10, 24), date(2026, 10, 26)]

    @pytest.mark.parametrize("first", ["teams", "users"])
    def test_show_teams_with_nobody_active_in_whatever_order_the_files_come(
        self, tmp_path: Path, first: str
    ) -> None:
        users = write_lines(tmp_path / "users.json", self.lines("2026-10-24"))
        teams = write_lines(tmp_path / "teams.json", [team_row(1, 7, "2026-10-25")])
        for path in (teams, users) if first == "teams" else (users, teams):
            take(path)

        day = TeamDay.objects.get(team__github_id=7)
        assert (day.day, day.active_users, day.member_count) == (date(2026, 10, 25), 0, 1)

    def test_stay_unknown_where_the_file_breaks_off(self, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "users.json", self.lines("2026-10-24", "2026-10-26"))
        path.write_bytes(path.read_bytes()[:-40])

        outcome = take(path)

        assert outcome.counts.rows_rejected == 1
        assert [row.day for row in ReportDay.objects.all()] == [date(2026, 10, 24)]

    def test_are_forgotten_again_with_the_file(self, tmp_path: Path) -> None:
        outcome = take(write_lines(tmp_path / "users.json", self.lines("2026-10-24")))
        assert outcome.report_file is not None

        undo(outcome.report_file)

        assert not ReportDay.objects.exists()

    def test_are_covered_again_when_the_days_are_made_anew(self, tmp_path: Path) -> None:
        outcome = take(write_lines(tmp_path / "users.json", self.lines("2026-10-24")))
        assert outcome.report_file is not None

        rebuild_files.rebuild(outcome.report_file)

        assert ReportDay.objects.count() == 28
