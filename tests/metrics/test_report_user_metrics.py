"""`user-metrics`: people over a period, by day, and as GitHub's own records."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.formats.users import parse_user_day
from metrics.models import DayUsers, DirtyDay, UserDay
from tests.metrics import report_files, stored
from tests.reports import begin_the_audit, exported, rows_of

pytestmark = pytest.mark.django_db

DAY = date(2026, 10, 1)


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def test_a_person_is_one_row_over_the_period() -> None:
    acme = stored.organization(parent=stored.enterprise())
    ana, ben = stored.person(20, "ana"), stored.person(3, "ben")
    stored.use(acme, day(0), {ana: {"loc_added_sum": 1, "loc_deleted_sum": None}, ben: {}})
    stored.use(acme, day(4), {ana: {"loc_added_sum": 10, "loc_deleted_sum": None}})
    first, second = rows_of("user-metrics")
    assert list(first) == [
        "user_id",
        "user_login",
        "organization",
        "enterprise",
        "active_days",
        "first_day",
        "last_day",
        "user_initiated_interaction_count",
        "code_generation_activity_count",
        "code_acceptance_activity_count",
        "loc_suggested_to_add_sum",
        "loc_suggested_to_delete_sum",
        "loc_added_sum",
        "loc_deleted_sum",
    ]
    assert (first["user_id"], first["user_login"]) == ("3", "ben")
    assert list(second.values()) == [
        *("20", "ana", "acme", "octo", "2", "2026-10-01", "2026-10-05"),
        *("0", "0", "0", "0", "0", "11", ""),
    ]


def test_a_period_bounds_the_days() -> None:
    acme = stored.organization()
    for number in range(5):
        stored.use(acme, day(number), {stored.person(1): {"loc_added_sum": 10**number}})
    [row] = rows_of("user-metrics", "--from", str(day(1)), "--to", str(day(3)))
    assert (row["active_days"], row["first_day"], row["last_day"]) == ("3", str(day(1)), str(day(3)))
    assert row["loc_added_sum"] == "1110"


def test_by_day_is_a_row_per_day_with_the_same_columns_before() -> None:
    acme = stored.organization()
    ana, ben = stored.person(2, "ana"), stored.person(1, "ben")
    stored.use(acme, day(1), {ana: {"loc_added_sum": 5}})
    stored.use(acme, day(0), {ana: {"loc_added_sum": 7}, ben: {}})
    rows = rows_of("user-metrics", "--by", "day")
    assert list(rows[0])[-1] == "day"
    assert list(rows[0])[:-1] == list(rows_of("user-metrics")[0])
    assert [(row["day"], row["user_login"], row["loc_added_sum"]) for row in rows] == [
        (str(day(0)), "ben", "0"),
        (str(day(0)), "ana", "7"),
        (str(day(1)), "ana", "5"),
    ]
    assert {(row["active_days"], row["first_day"] == row["last_day"]) for row in rows} == {("1", True)}


def test_a_team_counts_only_the_days_on_which_somebody_was_in_it() -> None:
    acme = stored.organization()
    ana, ben = stored.person(1, "ana"), stored.person(2, "ben")
    for number in range(3):
        stored.roster(acme, day(number), {"frontend": [ana] if number else [ben], "other": [ana, ben]})
        stored.use(acme, day(number), {ana: {"loc_added_sum": 1}, ben: {"loc_added_sum": 1}})
    rows = rows_of("user-metrics", "--team", "frontend")
    assert [(row["user_login"], row["active_days"], row["loc_added_sum"]) for row in rows] == [
        ("ana", "2", "2"),
        ("ben", "1", "1"),
    ]
    by_day = rows_of("user-metrics", "--team", "frontend", "--by", "day")
    assert [(row["day"], row["user_login"]) for row in by_day] == [
        (str(day(0)), "ben"),
        (str(day(1)), "ana"),
        (str(day(2)), "ana"),
    ]


def test_an_organization_and_its_enterprise_are_never_added_up() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    for account in (octo, acme):
        stored.use(account, DAY, {stored.person(1): {"loc_added_sum": 5}})
    rows = rows_of("user-metrics")
    assert [(row["organization"], row["enterprise"], row["loc_added_sum"]) for row in rows] == [
        ("", "octo", "5"),
        ("acme", "octo", "5"),
    ]
    assert len(rows_of("user-metrics", "--enterprise", "octo")) == 1


def test_ndjson_keeps_types() -> None:
    stored.use(stored.organization(), DAY, {stored.person(1, "ana"): {"loc_deleted_sum": None}})
    row = json.loads(exported("user-metrics", "--format", "ndjson"))
    assert (row["user_id"], row["active_days"], row["loc_added_sum"]) == (1, 1, 0)
    assert (row["first_day"], row["loc_deleted_sum"]) == ("2026-10-01", None)


def test_githubs_shape_gives_back_the_line_that_came_in() -> None:
    line = {
        "day": "2026-10-01",
        "user_id": 7,
        "user_login": "ana",
        "organization_id": "501",
        "enterprise_id": "901",
        "ai_credits_used": 12.5,
        "user_initiated_interaction_count": 3,
        "code_generation_activity_count": 4,
        "code_acceptance_activity_count": 0,
        "used_agent": False,
        "used_chat": True,
        "used_copilot_coding_agent": True,
        "used_copilot_cloud_agent": True,
        "totals_by_ide": [{"ide": "vscode", "loc_added_sum": 1}],
        "ai_adoption_phase": {"phase_number": 1, "phase": "Phase 1", "version": "v1"},
        "a_key_of_tomorrow": {"x": [1, 2.5, None]},
    }
    record = parse_user_day(json.dumps(line).encode(), {})
    acme = stored.organization(parent=stored.enterprise())
    columns = {
        field.name: getattr(record, field.name)
        for field in UserDay._meta.concrete_fields
        if hasattr(record, field.name) and field.name not in ("day", "observed_at", "content_hash")
    }
    stored.use(acme, DAY, {stored.person(7, "ana"): {**columns, "rest": record.rest}})
    out = exported("user-metrics", "--format", "ndjson", "--shape", "github")
    assert json.loads(out) == line
    assert parse_user_day(out.encode(), {}).content_hash == record.content_hash


def test_githubs_shape_writes_numbers_plainly() -> None:
    people = {stored.person(1): {"ai_credits_used": Decimal(100)}, stored.person(2): {}}
    stored.use(stored.organization(), DAY, people)
    first, second = exported("user-metrics", "--format", "ndjson", "--shape", "github").splitlines()
    assert '"ai_credits_used":100,' in first or '"ai_credits_used":100}' in first
    assert "ai_credits_used" not in second
    assert "enterprise_id" not in first


def test_githubs_shape_is_for_ndjson_only() -> None:
    with pytest.raises(CommandError, match="needs --format ndjson"):
        exported("user-metrics", "--shape", "github")


def test_queries_do_not_grow_with_people() -> None:
    begin_the_audit()
    acme = stored.organization()

    def queries(*options: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            exported("user-metrics", *options)
        return len(captured)

    asked = [(), ("--by", "day"), ("--format", "ndjson", "--shape", "github")]
    stored.use(acme, DAY, {stored.person(1): {}})
    few = [queries(*options) for options in asked]
    UserDay.objects.all().delete()
    stored.use(acme, DAY, {stored.person(number): {} for number in range(1, 50)})
    assert [queries(*options) for options in asked] == few


def test_githubs_shape_is_taken_in_again_without_a_change(tmp_path: Path) -> None:
    lines = [
        report_files.user_day(
            number,
            str(day(offset)),
            organization=organization,
            ai_credits_used=12.5,
            # Written escaped here, and plainly by the report.
            a_key_of_tomorrow={"of": [number, None, "résumé\u2028"]},
            totals_by_ide=[{"ide": "vscode", "loc_added_sum": offset}],
        )
        for number in (1, 2)
        for offset in (0, 1)
        for organization in (501, None)
    ]
    report_files.take(report_files.write_lines(tmp_path / "first.ndjson", lines))
    before = exported("user-metrics", "--by", "day")
    out = exported("user-metrics", "--format", "ndjson", "--shape", "github")
    again = tmp_path / "again.ndjson"
    again.write_text(out)

    outcome = report_files.take(again)

    assert outcome.is_clean
    assert (outcome.counts.rows_read, outcome.counts.rows_unchanged) == (8, 8)
    assert exported("user-metrics", "--by", "day") == before
    assert exported("user-metrics", "--format", "ndjson", "--shape", "github") == out


def test_who_is_in_lines_of_days_yet_to_be_added_up_is_there() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {stored.person(1): {}})
    stored.use(acme, day(1), {stored.person(2): {}})
    DayUsers.objects.filter(day=day(1)).delete()
    DirtyDay.objects.create(account=acme, day=day(1))
    assert [row["user_id"] for row in rows_of("user-metrics")] == ["1", "2"]
