"""Days of the two older systems, from saved answers and archives, into a table of their own."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from metrics import breakdowns
from metrics.ingest.intake import take_in
from metrics.ingest.options import Options
from metrics.ingest.rebuild_files import rebuild
from metrics.ingest.rejects import retry
from metrics.models import DirtyDay, LegacyDay, ReportDay, ScopeDay, UserDay
from metrics.undo import undo
from portal.models import RejectedLine, ReportFile
from seats.models import Account
from tests.metrics.formats.made import legacy_metrics_day, legacy_usage_day
from tests.metrics.report_files import take, team_row, user_day, write_lines
from tests.metrics.taking_in import import_reports

pytestmark = pytest.mark.django_db

FIRST = date(2026, 3, 2)


def metrics_days(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        legacy_metrics_day(date=str(FIRST + timedelta(days=n)), total_active_users=10 + n, **changes)
        for n in range(count)
    ]


def archive(path: Path, days: Any) -> Path:
    """As GitHub's guide writes it: `JSON.stringify(days, null, 2)`."""
    path.write_text(json.dumps(days, indent=2))
    return path


def stored(**filters: Any) -> list[tuple[str, int | None]]:
    days = LegacyDay.objects.filter(**filters).order_by("account", "team_slug", "api", "day")
    return [(str(day.day), day.total_active_users) for day in days]


def test_an_archive_of_the_guide_is_taken_in(tmp_path: Path) -> None:
    outcome = take(archive(tmp_path / "copilotMetricsData.json", metrics_days(3)), organization="octo")
    assert (outcome.kind, outcome.counts.rows_new) == ("legacy-metrics", 3)
    day = LegacyDay.objects.get(day=FIRST)
    assert (day.account.login, day.team_slug, day.api) == ("octo", "", "metrics")
    assert (day.total_active_users, day.total_engaged_users, day.total_chats) == (10, 20, 55)
    assert breakdowns.unpack(day.blob) == {
        key: value for key, value in metrics_days(1)[0].items() if key != "date"
    }
    file = ReportFile.objects.get()
    assert (file.first_day, file.last_day, file.subject) == (
        FIRST,
        FIRST + timedelta(days=2),
        day.account.subject,
    )


def test_days_of_the_older_systems_touch_no_other_table(tmp_path: Path) -> None:
    take(archive(tmp_path / "a", metrics_days(2)), organization="octo")
    take(archive(tmp_path / "b", [legacy_usage_day(day="2026-03-02")]), organization="octo")
    assert LegacyDay.objects.count() == 3
    for model in (UserDay, ScopeDay, ReportDay, DirtyDay):
        assert not model.objects.exists()


FORMS: dict[str, Callable[[Path, list[Any]], object]] = {
    "array": lambda path, days: path.write_text(json.dumps(days)),
    "pages": lambda path, days: path.write_text(json.dumps(days[:2]) + "\n" + json.dumps(days[2:])),
    "joined pages": lambda path, days: path.write_text(json.dumps(days[:2]) + json.dumps(days[2:])),
    "slurped pages": lambda path, days: path.write_text(json.dumps([days[:2], days[2:]])),
    "lines": lambda path, days: write_lines(path, days),
    "objects": lambda path, days: path.write_text("\n".join(json.dumps(day, indent=2) for day in days)),
    "gzip": lambda path, days: path.write_bytes(gzip.compress(json.dumps(days).encode())),
    "bom": lambda path, days: path.write_bytes(b"\xef\xbb\xbf" + json.dumps(days).encode()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("system", ["metrics", "usage"])
def test_every_form_of_a_saved_answer_gives_the_same_days(tmp_path: Path, form: str, system: str) -> None:
    days = metrics_days(3) if system == "metrics" else [
        legacy_usage_day(day=str(FIRST + timedelta(days=n)), total_active_users=10 + n) for n in range(3)
    ]  # fmt: skip
    FORMS[form](tmp_path / "saved", days)
    assert take(tmp_path / "saved", enterprise="octo").counts.rows_new == 3
    assert stored(api=system) == [("2026-03-02", 10), ("2026-03-03", 11), ("2026-03-04", 12)]


def test_a_zip_of_saved_answers_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "saved.zip", "w") as packed:
        packed.writestr("metrics.json", json.dumps(metrics_days(2)))
        packed.writestr("usage.json", json.dumps([legacy_usage_day()]))
    outcomes = take_in(tmp_path / "saved.zip", options=Options(organization="octo"))
    assert [outcome.kind for outcome in outcomes] == ["legacy-metrics", "legacy-usage"]
    assert LegacyDay.objects.count() == 3


@pytest.mark.parametrize("days", [metrics_days(1), [legacy_usage_day()]], ids=["metrics", "usage"])
def test_a_file_that_nobody_says_whose_it_is_is_refused(tmp_path: Path, days: list[Any]) -> None:
    outcome = take(archive(tmp_path / "a", days))
    assert "do not say whose they are: name the organization or the enterprise." in outcome.error
    assert not LegacyDay.objects.exists()
    assert not ReportFile.objects.exists()


def test_the_command_names_account_and_team(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", metrics_days(1))
    assert import_reports(path)["files"][0]["error"]
    assert import_reports(path, organization="octo")["rows_new"] == 1
    assert import_reports(path, organization="octo", team="Front-End")["rows_new"] == 1
    assert import_reports(path, enterprise="octo")["rows_new"] == 1
    kept = set(LegacyDay.objects.values_list("account__kind", "account__login", "team_slug"))
    assert kept == {
        ("organization", "octo", ""),
        ("organization", "octo", "front-end"),
        ("enterprise", "octo", ""),
    }


def test_files_that_are_never_one_teams_are_refused_with_a_team(tmp_path: Path) -> None:
    for number, line in enumerate((user_day(1, "2026-09-10"), team_row(1, 10, "2026-09-10"))):
        outcome = take(write_lines(tmp_path / str(number), [line]), team="front-end")
        assert "take this one in without a team" in outcome.error
    assert not ReportFile.objects.exists()


def test_of_a_day_that_stands_twice_in_an_archive_the_later_one_stands(tmp_path: Path) -> None:
    for path, counts in (("a", (5, 7, 6)), ("b", (7, 5, 6))):
        twice = [legacy_metrics_day(date="2026-03-02", total_active_users=count) for count in counts]
        outcome = take(archive(tmp_path / path, twice), organization=path)
        assert (outcome.counts.rows_new, outcome.counts.rows_changed) == (1, 2)
        assert stored(account__login=path) == [("2026-03-02", 6)]


def test_taking_in_an_archive_twice_changes_nothing(tmp_path: Path) -> None:
    days = [*metrics_days(3), legacy_metrics_day(date=str(FIRST), total_active_users=99)]
    take(archive(tmp_path / "a", days), organization="octo")
    before = list(LegacyDay.objects.values())
    assert take(archive(tmp_path / "b", days), organization="octo").counts.rows_unchanged == 4
    assert list(LegacyDay.objects.values()) == before


def test_an_archive_that_grew_adds_only_its_new_days(tmp_path: Path) -> None:
    take(archive(tmp_path / "a", metrics_days(3)), organization="octo")
    counts = take(archive(tmp_path / "b", metrics_days(5)), organization="octo").counts
    assert (counts.rows_new, counts.rows_unchanged, counts.rows_changed) == (2, 3, 0)


@pytest.mark.parametrize("newer_first", [True, False], ids=["newer first", "newer last"])
def test_the_answer_saved_later_stands_in_whatever_order_they_come(tmp_path: Path, newer_first: bool) -> None:
    older = archive(tmp_path / "older", metrics_days(2))
    newer = archive(tmp_path / "newer", metrics_days(2, total_engaged_users=3))
    moments = [(older, datetime(2026, 3, 10, tzinfo=UTC)), (newer, datetime(2026, 3, 20, tzinfo=UTC))]
    if newer_first:
        moments.reverse()
    counts = [take(path, organization="octo", taken_at=at).counts for path, at in moments]
    assert set(LegacyDay.objects.values_list("total_engaged_users", flat=True)) == {3}
    assert (counts[1].rows_superseded, counts[1].rows_changed) == ((2, 0) if newer_first else (0, 2))


def test_without_a_time_the_day_itself_counts_and_the_file_decides_a_tie(tmp_path: Path) -> None:
    paths = [archive(tmp_path / str(n), metrics_days(1, total_engaged_users=n)) for n in range(4)]
    digests = {hashlib.sha256(path.read_bytes()).hexdigest(): n for n, path in enumerate(paths)}
    for path in paths:
        take(path, organization="octo")
    day = LegacyDay.objects.get()
    assert day.total_engaged_users == digests[max(digests)]
    assert day.observed_at == datetime(2026, 3, 2, tzinfo=UTC)


def test_a_saved_answer_overwrites_no_newer_fact(tmp_path: Path) -> None:
    told = Options(organization="octo", observed_at=datetime(2026, 3, 30, 8, tzinfo=UTC))
    take_in(archive(tmp_path / "api", metrics_days(1, total_engaged_users=3)), options=told)
    counts = take(archive(tmp_path / "saved", metrics_days(2)), organization="octo").counts
    assert (counts.rows_superseded, counts.rows_new) == (1, 1)
    assert LegacyDay.objects.get(day=FIRST).total_engaged_users == 3


def test_the_two_systems_and_the_teams_keep_days_of_their_own(tmp_path: Path) -> None:
    metrics, usage = metrics_days(1), [legacy_usage_day(day=str(FIRST))]
    for team in ("", "front", "back"):
        take(archive(tmp_path / f"m{team}", metrics), organization="octo", team=team)
        take(archive(tmp_path / f"u{team}", usage), organization="octo", team=team)
    assert LegacyDay.objects.count() == 6
    assert LegacyDay.objects.get(api="usage", team_slug="back").total_code_suggestions == 1000


def test_what_cannot_be_read_is_listed_and_can_be_mended(tmp_path: Path) -> None:
    days = [*metrics_days(1), {"date": "2026-02-30", "total_active_users": 4}, {"total_active_users": 4}]
    outcome = take(archive(tmp_path / "a", days), organization="octo", team="front")
    assert outcome.rejected == [
        (2, "`date` is 2026-02-30, a day no calendar has"),
        (3, "`date` is missing"),
    ]
    line = RejectedLine.objects.get(line_number=2)
    line.line = line.line.replace("2026-02-30", "2026-02-28")
    line.save()
    retry([line])
    assert stored(team_slug="front") == [("2026-02-28", 4), ("2026-03-02", 10)]


def test_an_archive_that_breaks_off_gives_the_days_it_has(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", metrics_days(3))
    path.write_text(path.read_text()[:-500])
    outcome = take(path, organization="octo")
    assert outcome.counts.rows_new == 2
    assert "breaks off in the middle of this record" in outcome.rejected[0][1]


def test_an_empty_answer_is_named_for_what_it_is(tmp_path: Path) -> None:
    outcome = take(archive(tmp_path / "a", []), organization="octo")
    assert outcome.is_refused
    assert not ReportFile.objects.exists()


def test_a_preview_counts_and_writes_nothing(tmp_path: Path) -> None:
    take(archive(tmp_path / "a", metrics_days(1)), organization="octo")
    counts = take(archive(tmp_path / "b", metrics_days(3)), organization="octo", dry_run=True).counts
    assert (counts.rows_new, counts.rows_unchanged) == (2, 1)
    assert LegacyDay.objects.count() == 1


class Killed(BaseException):
    pass


def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path) -> None:
    # More than a batch; each day comes several times, and the last of them stands.
    days = [
        legacy_usage_day(day=str(FIRST - timedelta(days=n % 400)), total_active_users=n) for n in range(3_000)
    ]
    path = write_lines(tmp_path / "a", days)

    def kill(records: int, rejected: int) -> None:
        raise Killed

    options = Options(organization="octo")
    with pytest.raises(Killed):
        take_in(path, options=options, progress=kill)
    assert ReportFile.objects.get().records_done == 2_500
    [outcome] = take_in(path, options=options)
    assert (outcome.counts.rows_read, outcome.counts.rows_new) == (3_000, 400)
    assert stored()[-1] == (str(FIRST), 2_800)
    assert ReportFile.objects.count() == 1


def test_undoing_an_archive_leaves_what_the_others_say(tmp_path: Path) -> None:
    at = datetime(2026, 3, 10, tzinfo=UTC)
    take(archive(tmp_path / "a", metrics_days(3)), organization="octo", taken_at=at)
    take(archive(tmp_path / "team", metrics_days(3)), organization="octo", team="front")
    take(archive(tmp_path / "usage", [legacy_usage_day(day=str(FIRST))]), organization="octo")
    before = list(LegacyDay.objects.order_by("api", "team_slug", "day").values("day", "content_hash", "file"))
    newer = archive(tmp_path / "b", metrics_days(5, total_engaged_users=1))
    file = take(newer, organization="octo", taken_at=at + timedelta(days=1)).report_file
    assert undo(file).days == 5
    after = list(LegacyDay.objects.order_by("api", "team_slug", "day").values("day", "content_hash", "file"))
    assert after == before
    assert not DirtyDay.objects.exists()


def test_rebuilt_days_are_what_they_were(tmp_path: Path) -> None:
    days = [*metrics_days(2), *metrics_days(2, total_engaged_users=4)]
    file = take(archive(tmp_path / "a", days), organization="octo", team="Front").report_file
    before = stored(team_slug="front")
    LegacyDay.objects.update(total_active_users=0, total_engaged_users=0)
    rebuild(file)
    assert stored(team_slug="front") == before
    assert set(LegacyDay.objects.values_list("total_engaged_users", flat=True)) == {4}


def test_accounts_that_prove_to_be_one_keep_their_older_days(tmp_path: Path) -> None:
    take(archive(tmp_path / "a", metrics_days(2)), organization="octo")
    take(write_lines(tmp_path / "b", [user_day(1, "2026-09-10")]))
    take(write_lines(tmp_path / "c", [user_day(1, "2026-09-11")]), organization="octo")
    [account] = Account.objects.organizations()
    assert (account.login, account.github_id) == ("octo", 1)
    assert LegacyDay.objects.filter(account=account).count() == 2
