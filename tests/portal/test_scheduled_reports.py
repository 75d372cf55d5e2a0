"""Reports that are made by themselves: on time, once, where they may go, and not silently when they fail."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.admin.report_schedule import ReportScheduleForm
from portal.mailing import Outbox
from portal.models import AuditEntry, Job, ReportRun, ReportSchedule, SavedReport
from portal.reports import files, running
from portal.reports.base import ReportError
from portal.tasks import forget_reports, make_due_reports, make_report
from tests.metrics import stored

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
BEFORE = MONDAY - timedelta(minutes=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.REPORT_FOLDER = str(tmp_path / "out")
    settings.REPORT_MAIL_DOMAINS = ["example.com"]
    return tmp_path / "out"


@pytest.fixture
def saved(olga: Any) -> SavedReport:
    acme = stored.organization()
    stored.use(acme, date(2026, 11, 20), {stored.person(1, "ana"): {}, stored.person(2, "=ben"): {}})
    return SavedReport.objects.create(
        name="Use of the week", report="user-metrics", filters={"period": "last-week"}, owner=olga
    )


def scheduled(saved: SavedReport, **values: Any) -> ReportSchedule:
    given = {"delivery": "mail", "recipients": "boss@example.com", "cadence": "weekly", **values}
    with time_machine.travel(BEFORE, tick=False):
        return ReportSchedule.objects.create(saved=saved, **given)


def minute_passes(at: datetime) -> None:
    """What the worker does each minute, and the jobs of it."""
    with time_machine.travel(at, tick=False):
        make_due_reports()
        for job in Job.objects.filter(state=Job.State.QUEUED).order_by("pk"):
            make_report(job.pk)


# --- When ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "after", "due"),
    [
        ({"cadence": "daily"}, "2026-11-21T07:00", "2026-11-22T07:00"),
        ({"cadence": "weekly", "weekday": 2}, "2026-11-21T12:00", "2026-11-25T07:00"),
        ({"cadence": "monthly", "day_of_month": 31}, "2026-11-21T12:00", "2026-11-30T07:00"),
        ({"cadence": "monthly", "day_of_month": 31}, "2026-11-30T07:00", "2026-12-31T07:00"),
        ({"cadence": "daily", "time_zone": "America/New_York"}, "2026-11-21T12:30", "2026-11-22T12:00"),
        # The clocks go forward over 02:30.
        (
            {"cadence": "daily", "time_zone": "Europe/Berlin", "at": time(2, 30)},
            "2026-03-28T12:00",
            "2026-03-29T01:30",
        ),
    ],
)
def test_it_is_due_at_its_time_in_its_zone(values: dict[str, Any], after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    schedule = ReportSchedule(**{"at": time(7, 0), **values})
    assert schedule.next_after(moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_missed_runs_are_made_once_and_of_a_paused_one_none(saved: SavedReport) -> None:
    schedule = scheduled(saved, cadence="daily")
    late = MONDAY + timedelta(days=5, hours=3)
    minute_passes(late)
    minute_passes(late)
    [run] = ReportRun.objects.all()
    assert run.state == "done"
    schedule.refresh_from_db()
    assert schedule.next_run_at == MONDAY + timedelta(days=6)
    schedule.is_on = False
    schedule.save()
    minute_passes(late + timedelta(days=9))
    assert ReportRun.objects.count() == 1


# --- Where to -----------------------------------------------------------------------------------


def test_it_is_mailed_with_the_days_counted_from_its_run(saved: SavedReport) -> None:
    scheduled(saved, recipients="boss@example.com\nteam@example.com")
    minute_passes(MONDAY)
    minute_passes(MONDAY + timedelta(minutes=1))
    run = ReportRun.objects.get()
    assert [message.to for message in mail.outbox] == [["boss@example.com"], ["team@example.com"]]
    [(name, content, kind)] = mail.outbox[0].attachments
    assert (name, kind) == ("user-metrics-2026-11-23.csv", "text/csv")
    assert str(content).splitlines()[2].startswith("2,'=ben,")
    assert (run.state, run.rows) == ("done", 2)
    kept = files.kept_file(run)
    assert kept is not None
    assert (hashlib.sha256(kept.read_bytes()).hexdigest(), kept.stat().st_size) == (run.sha256, run.size)
    assert run.where_to == "boss@example.com (sent), team@example.com (sent)"
    entry = AuditEntry.objects.get(action="report exported")
    assert (entry.actor_name, entry.detail["how"], entry.detail["rows"]) == ("olga", "schedule", 2)


def test_the_last_week_is_that_of_its_own_monday(saved: SavedReport) -> None:
    """At seven on a Monday morning in Tokyo it is Sunday evening in UTC: Friday's use was last week there."""
    with time_machine.travel(MONDAY - timedelta(days=2), tick=False):
        ReportSchedule.objects.create(
            saved=saved, cadence="weekly", time_zone="Asia/Tokyo", recipients="boss@example.com"
        )
    minute_passes(datetime(2026, 11, 22, 22, 0, tzinfo=UTC))
    run = ReportRun.objects.get()
    assert (run.state, run.rows) == ("done", 2)


def test_days_counted_back_are_those_that_are_over_in_utc(saved: SavedReport) -> None:
    saved.filters = {"period": "last-7-days"}
    saved.save()
    with time_machine.travel(MONDAY - timedelta(days=2), tick=False):
        ReportSchedule.objects.create(
            saved=saved, cadence="daily", time_zone="Asia/Tokyo", recipients="boss@example.com"
        )
    # The 28th in Tokyo, the 27th in UTC: from the 20th on.
    minute_passes(datetime(2026, 11, 27, 22, 0, tzinfo=UTC))
    assert ReportRun.objects.get().rows == 2


def test_one_that_is_too_large_for_a_mail_is_linked_to(saved: SavedReport, settings: Any) -> None:
    settings.REPORT_MAIL_MB = 0
    scheduled(saved)
    minute_passes(MONDAY)
    [message] = mail.outbox
    assert message.attachments == []
    assert f"/portal/reportrun/{ReportRun.objects.get().pk}/change/" in message.body


def test_it_is_written_into_its_folder_and_over_what_was_there(saved: SavedReport, places: Path) -> None:
    scheduled(saved, delivery="folder", folder="weekly/use", file_name="{name} {day}")
    target = places / "weekly" / "use" / "Use of the week 2026-11-23.csv"
    target.parent.mkdir(parents=True)
    target.write_text("old")
    minute_passes(MONDAY)
    assert target.read_text().startswith("user_id,")
    assert list(target.parent.iterdir()) == [target]
    assert ReportRun.objects.get().where_to == str(target)


@pytest.mark.parametrize("folder", ["..", "/etc", "a/../../b", "link", "link/deep", "a\\..\\b"])
def test_it_never_leaves_the_folder_for_reports(places: Path, tmp_path: Path, folder: str) -> None:
    places.mkdir()
    (places / "link").symlink_to(tmp_path)
    with pytest.raises(ReportError, match="within the folder"):
        files.target_folder(folder)


@pytest.mark.parametrize("name", ["../{day}", "a/b", "{day.__class__}", "", ".{day}", "{secret}", "a\nb"])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(ReportError):
        files.file_name(name, report="seats", name="n", day=date(2026, 1, 1), ending="csv")


def test_the_page_refuses_where_it_may_not_go(saved: SavedReport, settings: Any, olga: Any) -> None:
    def says(**values: Any) -> str:
        given = {
            "saved": saved.pk, "is_on": True, "cadence": "daily", "weekday": 0, "day_of_month": 1,
            "at": "07:00", "time_zone": "UTC", "file_name": "{day}", **values,
        }  # fmt: skip
        return str(ReportScheduleForm(given).errors)

    assert "domain that is not allowed" in says(delivery="mail", recipients="boss@elsewhere.net")
    assert "no mail address" in says(delivery="mail", recipients="boss")
    assert "at least one address" in says(delivery="mail", recipients=" ")
    assert "within the folder" in says(delivery="folder", folder="../x")
    assert says(delivery="mail", recipients="Boss@Example.com") == ""
    settings.REPORT_MAIL_DOMAINS = []
    settings.REPORT_FOLDER = ""
    assert "nobody who can log in" in says(delivery="mail", recipients="boss@example.com")
    assert says(delivery="mail", recipients="olga@example.com") == ""
    assert "REPORT_FOLDER" in says(delivery="folder")


# --- When it fails --------------------------------------------------------------------------------


def failed(saved: SavedReport) -> ReportRun:
    minute_passes(MONDAY)
    run = ReportRun.objects.get()
    assert run.state == "failed"
    assert run.job is not None
    assert run.job.state == Job.State.FAILED
    return run


def test_an_owner_who_may_not_read_it_any_more_gets_no_report(saved: SavedReport, vic: Any) -> None:
    saved.owner = vic
    saved.save()
    scheduled(saved)
    vic.user_permissions.clear()
    run = failed(saved)
    assert run.error == "vic, whose report it is, may not read it any more."
    assert run.kept_path == ""
    [message] = mail.outbox
    assert (message.to, message.subject) == (["vic@example.com"], "Failed: Use of the week")


def test_nor_does_one_who_has_left(saved: SavedReport, olga: Any) -> None:
    scheduled(saved)
    olga.is_active = False
    olga.save()
    assert "can not log in any more" in failed(saved).error
    assert mail.outbox == []


def test_a_failure_is_said_once_by_mail_and_on_the_home_page_until_it_is_well(
    saved: SavedReport, olga_client: Any
) -> None:
    scheduled(saved, cadence="daily")
    saved.filters = {"organization": "gone"}
    saved.save()
    run = failed(saved)
    minute_passes(MONDAY + timedelta(minutes=1))
    assert [message.subject for message in mail.outbox] == ["Failed: Use of the week"]
    with time_machine.travel(MONDAY + timedelta(minutes=2), tick=False):
        home = olga_client.get("/").content.decode()
    assert "A scheduled report failed" in home
    assert reverse("admin:portal_reportrun_change", args=[run.pk]) in home
    saved.filters = {}
    saved.save()
    minute_passes(MONDAY + timedelta(days=1))
    with time_machine.travel(MONDAY + timedelta(days=1, minutes=2), tick=False):
        assert "A scheduled report failed" not in olga_client.get("/").content.decode()


def test_a_run_whose_job_was_given_up_is_over(saved: SavedReport) -> None:
    scheduled(saved)
    with time_machine.travel(MONDAY, tick=False):
        make_due_reports()
        Job.objects.update(state=Job.State.FAILED, live_key=None, error="Three workers died of it.")
        make_due_reports()
    run = ReportRun.objects.get()
    assert (run.state, run.error) == ("failed", "Three workers died of it.")
    assert len(mail.outbox) == 1


# --- Killed -------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: nothing that comes after is done."""


def die(*args: Any, **options: Any) -> Any:
    raise Killed


def begun(saved: SavedReport, **values: Any) -> ReportRun:
    schedule = scheduled(saved, **values)
    with time_machine.travel(MONDAY, tick=False):
        return running.begin(schedule, MONDAY)


def once_more(run: ReportRun) -> ReportRun:
    """Another worker is given the job."""
    assert run.job is not None
    Job.objects.filter(pk=run.job.pk).update(state=Job.State.QUEUED, live_key="again", run_after=None)
    make_report(run.job.pk)
    run.refresh_from_db()
    return run


def test_killed_before_its_mail_it_is_sent_by_the_next_worker(
    saved: SavedReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(saved)
    assert run.job is not None
    with monkeypatch.context() as patch:
        patch.setattr(running, "_deliver", die)
        with pytest.raises(Killed):
            make_report(run.job.pk)
    first = ReportRun.objects.get().kept_path
    run = once_more(run)
    assert (run.state, run.kept_path) == ("done", first)
    assert len(mail.outbox) == 1


def test_killed_after_its_mail_it_sends_no_second(
    saved: SavedReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(saved, recipients="boss@example.com, team@example.com")
    send = Outbox.send

    def send_and_die(*args: Any) -> None:
        send(*args)
        raise Killed

    assert run.job is not None
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "send", send_and_die)
        with pytest.raises(Killed):
            make_report(run.job.pk)
    run = once_more(run)
    assert [message.to for message in mail.outbox] == [["boss@example.com"], ["team@example.com"]]
    assert run.state == "done"
    assert "boss@example.com (may have been sent" in run.where_to


def test_a_mail_server_that_cannot_be_reached_is_tried_again(
    saved: SavedReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(saved)
    assert run.job is not None
    with monkeypatch.context() as patch:
        patch.setattr("portal.mailing._backend", Closed)
        make_report(run.job.pk)
    run.refresh_from_db()
    assert run.is_open
    assert run.job is not None
    assert run.job.run_after is not None
    assert once_more(run).state == "done"
    assert len(mail.outbox) == 1


class Closed:
    """A mail server that refuses the connection."""

    connection = None

    def open(self) -> None:
        raise ConnectionRefusedError

    def close(self) -> None:
        """Nothing is open."""


# --- History ------------------------------------------------------------------------------------


def test_runs_are_seen_by_their_owner_and_their_file_by_who_may_read_it(
    saved: SavedReport, olga_client: Any, vic_client: Any
) -> None:
    scheduled(saved)
    minute_passes(MONDAY)
    run = ReportRun.objects.get()
    file = reverse("admin:portal_reportrun_file", args=[run.pk])
    assert b"".join(olga_client.get(file).streaming_content).startswith(b"user_id,")
    assert vic_client.get(file).status_code == 404
    assert (
        run.sha256
        in olga_client.get(reverse("admin:portal_reportrun_change", args=[run.pk])).content.decode()
    )
    assert (
        "Use of the week" not in vic_client.get(reverse("admin:portal_reportrun_changelist")).content.decode()
    )


def test_files_are_forgotten_after_a_time_and_their_runs_stay(saved: SavedReport, settings: Any) -> None:
    scheduled(saved)
    minute_passes(MONDAY)
    path = files.kept_file(ReportRun.objects.get())
    assert path is not None
    with time_machine.travel(MONDAY + timedelta(days=31), tick=False):
        assert forget_reports() == 1
    assert not path.exists()
    assert ReportRun.objects.get().kept_path == ""


def test_a_folder_that_cannot_be_written_is_said_to_its_owner(saved: SavedReport, places: Path) -> None:
    scheduled(saved, delivery="folder", folder="taken")
    places.mkdir()
    (places / "taken").write_text("A file has the folder's name.")
    minute_passes(MONDAY)
    run = ReportRun.objects.get()
    assert run.state == "failed"
    assert "cannot be written" in run.error
    assert [message.subject for message in mail.outbox] == ["Failed: Use of the week"]


def test_its_form_is_headed_by_what_it_is(olga_client: Any) -> None:
    page = olga_client.get(reverse("admin:portal_reportschedule_add")).content.decode()
    assert "Add scheduled report" in page
    assert "report schedule" not in page.lower()


def test_queries_of_the_list_do_not_grow_with_schedules(saved: SavedReport, olga_client: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert "2026-11-23 07:00 UTC, done" in olga_client.get(page).content.decode()
        return len(caught)

    page = reverse("admin:portal_reportschedule_changelist")
    scheduled(saved)
    minute_passes(MONDAY)
    before = queries()
    scheduled(saved, cadence="daily")
    minute_passes(MONDAY + timedelta(days=1))
    assert queries() == before


def test_run_now_makes_one_run_however_often_it_is_pressed_in_a_moment(
    saved: SavedReport, olga_client: Any, vic_client: Any
) -> None:
    schedule = scheduled(saved)
    page = reverse("admin:portal_reportschedule_run", args=[schedule.pk])
    assert vic_client.post(page).status_code == 404
    with time_machine.travel(BEFORE, tick=False):
        assert olga_client.post(page).status_code == 302
        assert olga_client.post(page).status_code == 302
    assert ReportRun.objects.count() == 1


# --- Two into one folder --------------------------------------------------------------------------


@pytest.fixture
def other(saved: SavedReport, vic: Any) -> SavedReport:
    """Of the same report, but of somebody else, and asking something else."""
    vic.user_permissions.set(Permission.objects.filter(codename="view_userday"))
    stored.organization("beta", 2)
    return SavedReport.objects.create(
        name="Work in beta", report="user-metrics", filters={"organization": "beta"}, owner=vic
    )


def form_of(saved: SavedReport, schedule: ReportSchedule | None = None, **values: Any) -> ReportScheduleForm:
    given = {
        "saved": saved.pk, "is_on": True, "cadence": "daily", "weekday": 0, "day_of_month": 1, "at": "07:00",
        "time_zone": "UTC", "delivery": "folder", "file_name": "{report}-{day}", **values,
    }  # fmt: skip
    return ReportScheduleForm(given, instance=schedule)


@pytest.mark.parametrize("name", ["{report}-{day}", "user-metrics-{day}", "User-Metrics-{day}"])
def test_a_schedule_that_would_write_another_s_file_is_refused(
    saved: SavedReport, other: SavedReport, name: str
) -> None:
    scheduled(saved, delivery="folder", file_name="{report}-{day}")

    [says] = form_of(other, file_name=name).errors["file_name"]

    assert "Another scheduled report writes a file of this name into this folder" in says
    assert "choose another folder, or a file name that tells them apart" in says


def test_one_with_a_file_of_its_own_is_not(saved: SavedReport, other: SavedReport) -> None:
    mine = scheduled(saved, delivery="folder", file_name="{report}-{day}")

    assert form_of(other, folder="beta").is_valid()
    assert form_of(other, file_name="{name}-{day}").is_valid()
    assert form_of(other, is_on=False).is_valid()
    assert form_of(saved, mine).is_valid()
    scheduled(other, delivery="folder", file_name="{name}", is_on=False)
    assert form_of(other, file_name="{name}").is_valid()
    SavedReport.objects.filter(pk=other.pk).update(file_format="xlsx")
    other.refresh_from_db()
    assert form_of(other).is_valid()


def test_the_form_suggests_a_name_that_tells_reports_apart(olga_client: Any) -> None:
    page = olga_client.get(reverse("admin:portal_reportschedule_add")).content.decode()
    assert 'value="{name}-{day}"' in page


def test_a_file_that_another_schedule_wrote_is_left_and_the_run_says_so(
    saved: SavedReport, other: SavedReport, places: Path
) -> None:
    scheduled(saved, delivery="folder")
    second = scheduled(other, delivery="folder")
    minute_passes(MONDAY)

    whole, beside = ReportRun.objects.order_by("pk")
    kept = places / "user-metrics-2026-11-23.csv"
    own = places / f"user-metrics-2026-11-23-schedule-{second.pk}.csv"
    assert (whole.state, whole.where_to, whole.error) == ("done", str(kept), "")
    assert (beside.state, beside.where_to) == ("done", str(own))
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == whole.sha256
    assert hashlib.sha256(own.read_bytes()).hexdigest() == beside.sha256
    assert beside.error.startswith(
        f"{kept.name} was written by another scheduled report and was left as it is: "
        f"this one is beside it, as {own.name}."
    )


def test_a_schedule_replaces_its_own_file_and_that_of_nobody_else(
    saved: SavedReport, other: SavedReport, places: Path
) -> None:
    scheduled(saved, delivery="folder", file_name="newest", cadence="daily")
    second = scheduled(other, delivery="folder", file_name="newest", cadence="daily")
    for days in range(2):
        minute_passes(MONDAY + timedelta(days=days))

    names = ["newest.csv", f"newest-schedule-{second.pk}.csv"]
    assert sorted(path.name for path in places.iterdir()) == sorted(names)
    assert [Path(run.where_to).name for run in ReportRun.objects.order_by("pk")] == names * 2
    newest = ReportRun.objects.order_by("-pk")[1]
    assert hashlib.sha256((places / "newest.csv").read_bytes()).hexdigest() == newest.sha256


def test_nor_is_one_overwritten_that_another_is_just_writing(
    saved: SavedReport, other: SavedReport, places: Path
) -> None:
    first = running.begin(scheduled(saved, delivery="folder", file_name="newest"), MONDAY)
    ReportRun.objects.filter(pk=first.pk).update(state="running", where_to=str(places / "newest.csv"))
    second = scheduled(other, delivery="folder", file_name="newest")
    begun = running.begin(second, MONDAY)
    assert begun.job is not None

    make_report(begun.job.pk)

    assert [path.name for path in places.iterdir()] == [f"newest-schedule-{second.pk}.csv"]


def test_a_deleted_schedule_s_file_stays_as_well(
    saved: SavedReport, other: SavedReport, places: Path
) -> None:
    first = scheduled(saved, delivery="folder", file_name="newest")
    minute_passes(MONDAY)
    first.delete()
    second = scheduled(other, delivery="folder", file_name="newest")
    minute_passes(MONDAY)
    assert (places / f"newest-schedule-{second.pk}.csv").exists()

    (places / "newest.csv").unlink()
    minute_passes(MONDAY + timedelta(days=7))
    assert (places / "newest.csv").exists()


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "made"),
    [
        ("{name}-{day}", "ü" * 94 + "-2026-11-23.csv"),
        ("{name}{name}", "ü" * 100 + ".csv"),
        ("{report}", "user-metrics.csv"),
    ],
)
def test_a_long_name_is_cut_so_that_the_file_has_one(saved: SavedReport, pattern: str, made: str) -> None:
    """By bytes, as file systems count; never within a letter, and the day stays."""
    day = MONDAY.date()
    name = files.file_name(pattern, report=saved.report, name="ü" * 120, day=day, ending="csv")
    assert name == made
    assert len(name.encode()) <= files.LONGEST_NAME + len(".csv")


def test_its_run_writes_a_file(saved: SavedReport, places: Path) -> None:
    SavedReport.objects.update(name="ü" * 120)
    assert form_of(SavedReport.objects.get(), file_name="{name}-{day}").is_valid()
    scheduled(SavedReport.objects.get(), delivery="folder", file_name="{name}-{day}")
    minute_passes(MONDAY)
    assert ReportRun.objects.get().state == "done"
    assert [path.name for path in places.iterdir()] == ["ü" * 94 + "-2026-11-23.csv"]


def test_a_pattern_that_is_too_long_by_itself_is_refused_with_its_length(saved: SavedReport) -> None:
    [says] = form_of(saved, file_name="ü" * 101).errors["file_name"]
    assert says.startswith("The file name is 202 bytes long, and at most 200 fit")
    assert "choose a shorter one" in says


@pytest.mark.parametrize("name", ["Use of\nthe week", "Use\r\nBcc: x@example.com", "Use\tof", "Use\x85of"])
def test_a_name_is_one_line(saved: SavedReport, olga_client: Any, name: str) -> None:
    saved.name = name
    with pytest.raises(ValidationError, match="A name is one line of text"):
        saved.full_clean()
    says = olga_client.post("/reports/user-metrics/save/", {"name": name}, follow=True).content.decode()
    assert "A name is one line of text: take out line breaks" in says
    assert SavedReport.objects.count() == 1


def test_one_that_was_kept_with_a_line_break_is_mailed_on_one_line(saved: SavedReport) -> None:
    SavedReport.objects.update(name="Use of\r\nthe week")
    scheduled(SavedReport.objects.get())
    minute_passes(MONDAY)
    [message] = mail.outbox
    assert message.subject == "Use of the week, 2026-11-23"
    assert ReportRun.objects.get().state == "done"


def test_and_its_owner_is_told_when_it_fails(saved: SavedReport, olga: Any) -> None:
    SavedReport.objects.update(name="Use of\nthe week", filters={"organization": "nowhere"})
    scheduled(SavedReport.objects.get())
    failed(saved)
    [message] = mail.outbox
    assert (message.to, message.subject) == ([olga.email], "Failed: Use of the week")
