"""`export_report`: what scripts rely on."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from portal.reports import registry
from seats.models import Seat
from tests import running
from tests.metrics import stored
from tests.reports import exported
from tests.running import MANAGE
from tests.seats.batches import batch_of, taken_back

DAY = date(2026, 10, 1)


@pytest.fixture
def acme(db: None) -> Any:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    ana, ben = stored.person(1, "ana"), stored.person(2, "ben")
    stored.roster(acme, DAY, {"frontend": [ana]})
    stored.use(acme, DAY, {ana: {}, ben: {}})
    return acme


@pytest.fixture
def held(acme: Any, clock: Any) -> Any:
    """The same organization with a seat that was taken back, so that money and verdicts are told too."""
    at = stored.midnight(DAY)
    seats = {"account": acme, "plan_type": "business", "first_seen_at": at, "last_seen_at": at}
    seat = Seat.objects.create(user=stored.person(1), created_at=at, **seats)
    Seat.objects.create(user=stored.person(2), created_at=at, **seats)
    taken_back(batch_of(acme, [seat], state="done"), "ana")
    return acme


def refused(*options: str) -> str:
    """The one sentence with which it ends, and nothing before it."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("export_report", *options, stdout=out)
    assert error.value.returncode == 2
    assert out.getvalue() == ""
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


# --- Where it goes ----------------------------------------------------------------------------


def test_csv_on_stdout_is_the_default(acme: Any) -> None:
    lines = exported("user-metrics").splitlines()
    assert lines[0].startswith("user_id,user_login,organization,enterprise,active_days")
    assert len(lines) == 3


def test_json_is_the_last_line_after_the_report(acme: Any) -> None:
    *report, summary = exported("user-metrics", "--json").splitlines()
    assert len(report) == 3
    assert json.loads(summary) == {"report": "user-metrics", "format": "csv", "rows": 2, "output": None}


def test_a_file_is_written_whole_and_stdout_says_so(acme: Any, tmp_path: Path) -> None:
    target = tmp_path / "people.csv"
    target.write_text("the old one")
    out = exported("user-metrics", "--output", str(target), "--json")
    said, summary = out.splitlines()
    assert said == f"2 rows written to {target}."
    assert json.loads(summary)["output"] == str(target)
    assert len(target.read_text().splitlines()) == 3
    assert list(tmp_path.iterdir()) == [target]


def test_a_report_that_fails_leaves_the_old_file(
    acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*args: Any) -> Any:
        yield 1, "ana"
        raise RuntimeError("the database went away")

    monkeypatch.setattr("metrics.reports.user_metrics.UserMetrics.rows", break_off)
    target = tmp_path / "people.csv"
    target.write_text("the old one")
    with pytest.raises(RuntimeError):
        exported("user-metrics", "--output", str(target))
    assert target.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [target]


def test_a_files_ending_names_the_format(acme: Any, tmp_path: Path) -> None:
    for ending in ("xlsx", "ndjson"):
        exported("user-metrics", "--output", str(tmp_path / f"people.{ending}"))
    assert load_workbook(tmp_path / "people.xlsx").worksheets[0].max_row == 3
    assert [
        json.loads(line)["user_id"] for line in (tmp_path / "people.ndjson").read_text().splitlines()
    ] == [1, 2]


def test_a_device_is_written_to_and_not_replaced(acme: Any) -> None:
    exported("user-metrics", "--output", os.devnull)
    assert not Path(os.devnull).is_file()


def test_xlsx_does_not_go_into_text(acme: Any) -> None:
    assert "--output" in refused("user-metrics", "--format", "xlsx", "--json")


def test_a_folder_that_is_not_there_is_a_sentence(acme: Any, tmp_path: Path) -> None:
    assert "cannot be written" in refused("user-metrics", "--output", str(tmp_path / "no" / "people.csv"))
    assert "is a folder" in refused("user-metrics", "--output", str(tmp_path))


# --- What is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "Name a report"),
        (["user-metric"], "did you mean user-metrics?"),
        (["nonsense-without-end"], "there are activity, ai-credits"),
        (["user-metrics", "--organization", "acmee"], "did you mean acme?"),
        (["user-metrics", "--organization", "unheard-of"], "nothing of it was taken in yet"),
        (["user-metrics", "--organization", "octo"], "give it as --enterprise"),
        (["user-metrics", "--organization", "acme", "--enterprise", "octo"], "not both"),
        (["user-metrics", "--team", "frontent"], "did you mean frontend?"),
        (["user-metrics", "--from", "01.10.2026"], "--from takes a day such as 2026-10-31"),
        (["user-metrics", "--to", "2026-02-30"], "--to takes a day"),
        (["user-metrics", "--from", "20261001"], "--from takes a day"),
        (["user-metrics", "--from", "1999-12-31"], "--from takes a day from 2000-01-01 to "),
        (["seats", "--as-of", "9999-12-31"], "--as-of takes a day from 2000-01-01 to "),
        (["user-metrics", "--from", "2026-10-02", "--to", "2026-10-01"], "lies after --to"),
        (["user-metrics", "--by", "week"], "--by takes only day"),
        (["user-metrics", "--format", "pdf"], "csv, xlsx, ndjson"),
        (["user-metrics", "--shape", "gitlab"], "--shape takes only github"),
        (["user-metrics", "--shape", "github"], "needs --format ndjson"),
        (["seats", "--shape", "github", "--format", "ndjson"], "does not take --shape"),
        (["user-metrics", "--as-of", "2026-10-01"], "does not take --as-of"),
        (["daily-metrics", "--team", "frontend"], "does not take --team"),
        (["team-metrics", "--below", "0.5"], "does not take --below"),
        (["seats", "--from", "2026-10-01"], "does not take --from"),
        (["inactive-seats", "--days", "0"], "--days takes a number of days"),
        (["inactive-seats", "--days", "many"], "--days takes a number of days"),
        (["users-low-acceptance", "--below", "10"], "--below takes a rate from 0 to 1"),
        (["users-low-acceptance", "--below", "NaN"], "--below takes a rate"),
        (["teams-low-adoption", "--below", "half"], "--below takes a rate"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_a_sentence(
    acme: Any, options: list[str], says: str
) -> None:
    assert says in refused(*options)


def test_an_organization_is_found_in_any_case_and_by_its_id(acme: Any) -> None:
    assert exported("user-metrics", "--organization", "ACME") == exported(
        "user-metrics", "--organization", str(acme.github_id)
    )


# --- At the ends of the days that may be asked for ------------------------------------------------

REPORTS = [report.name for report in registry.all_reports()]


def asked_on(name: str, day: str) -> Iterator[list[str]]:
    """The report with each of the days it takes."""
    taken = registry.get(name).options
    if "--as-of" in taken:
        yield ["--as-of", day]
    if "--from" in taken:
        yield from (["--from", day], ["--to", day], ["--from", day, "--to", day])


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_refused(acme: Any, clock: Any, name: str, day: str) -> None:
    for options in asked_on(name, day):
        assert f"takes a day from 2000-01-01 to 2027-11-21, not {day}." in refused(name, *options)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("day", ["2000-01-01", "2027-11-21"])
def test_the_first_and_the_last_day_are_answered(held: Any, name: str, day: str) -> None:
    for options in asked_on(name, day):
        assert exported(name, *options)


# --- What there is ----------------------------------------------------------------------------

COUNTERS = (
    "user_initiated_interaction_count code_generation_activity_count code_acceptance_activity_count"
    " loc_suggested_to_add_sum loc_suggested_to_delete_sum loc_added_sum loc_deleted_sum"
)
SEATS = (
    "organization enterprise login user_id plan_type assigning_team granted_by created_at last_activity_at"
    " last_activity_editor last_authenticated_at pending_cancellation_date last_evidence_on"
    " last_evidence_source verdict monthly_cost currency"
)
LEADING = {
    "daily-metrics": "day organization enterprise daily_active_users weekly_active_users"
    f" monthly_active_users {COUNTERS} source",
    "user-metrics": "user_id user_login organization enterprise active_days first_day last_day " + COUNTERS,
    "team-metrics": "team_id slug organization enterprise active_users user_days " + COUNTERS,
    "seats": SEATS,
    "inactive-seats": f"{SEATS} days_idle reason",
    "activity": "report_time login last_authenticated_at last_activity_at last_surface_used",
    "users-low-acceptance": "user_id user_login teams user_initiated_interaction_count"
    " code_generation_activity_count code_acceptance_activity_count acceptance_rate",
    "teams-low-adoption": "team_id slug members seats active_users adoption",
    "weekly-trend": "week first_day last_day days total_active_users total_engaged_users"
    " avg_active_users avg_engaged_users source",
}


def test_the_list_names_every_report_with_its_columns(db: None) -> None:
    listed = json.loads(exported("--list", "--json").splitlines()[-1])["reports"]
    columns = {report["name"]: report["columns"] for report in listed}
    for name, leading in LEADING.items():
        assert columns[name][: len(leading.split())] == leading.split()
    text = exported("--list")
    for name in LEADING:
        assert re.search(rf"^{name}: ", text, re.MULTILINE)


@pytest.mark.parametrize("name", LEADING)
def test_every_report_answers_when_there_is_nothing_yet(db: None, name: str) -> None:
    assert exported(name).rstrip("\n").split(",")[0] == LEADING[name].split()[0]
    assert len(exported(name).splitlines()) == 1


# --- From outside -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty_portal(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a portal of its own, migrated."""
    tables = running.migrated(tmp_path_factory.mktemp("portal"))
    return {**os.environ, "DATABASE_URL": f"sqlite:///{tables}"}


def run(env: dict[str, str], *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(MANAGE), "export_report", *options]
    return subprocess.run(command, env=env, capture_output=True, check=False)


def test_the_exit_code_is_2_and_stderr_one_line(empty_portal: dict[str, str]) -> None:
    done = run(empty_portal, "seat")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().count("\n") == 1
    assert "did you mean seats?" in done.stderr.decode()


def test_stdout_is_the_file_and_nothing_else(empty_portal: dict[str, str]) -> None:
    done = run({**empty_portal, "PYTHONIOENCODING": "latin-1"}, "activity")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"


def test_xlsx_goes_into_a_pipe(empty_portal: dict[str, str]) -> None:
    done = run(empty_portal, "seats", "--format", "xlsx")
    assert load_workbook(io.BytesIO(done.stdout)).worksheets[0]["A1"].value == "organization"


def test_a_closed_pipe_is_no_error(empty_portal: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, str(MANAGE), "export_report", "seats"]
    done = subprocess.run(command, env=empty_portal, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
