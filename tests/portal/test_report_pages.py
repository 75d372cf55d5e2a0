"""Pages of reports: what they are asked, what they show, what leaves them, and who may."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from openpyxl import load_workbook

from portal.models import AuditEntry, SavedReport
from portal.reports import registry
from portal.reports.base import ReportError, ReportQuery
from portal.reports.exports import noted
from portal.reports.options import Kind, Option, days_of
from tests.metrics import stored

DAY = date(2026, 10, 1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Any:
    acme = stored.organization(parent=stored.enterprise())
    people: dict[Any, Any] = {stored.person(number, f"user{number:03}"): {} for number in range(1, 61)}
    stored.use(acme, DAY, people)
    return acme


def page_of(client: Any, name: str, query: str = "") -> str:
    return str(client.get(f"/reports/{name}/{query}").content.decode())


def downloaded(client: Any, name: str, query: str) -> bytes:
    answer = client.get(f"/reports/{name}/download/{query}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


# --- One parser ---------------------------------------------------------------------------------


def test_an_address_a_saved_report_and_the_command_line_ask_the_same() -> None:
    report = registry.get("user-metrics")
    given = {"scope": "organization:acme", "period": "last-week", "by": "day", "page": "3"}
    asked = report.filters(given)
    assert asked == {"organization": "acme", "period": "last-week", "by": "day"}
    texts = ReportQuery.parse(given, today=date(2026, 11, 21))
    assert texts == ReportQuery.parse(asked, today=date(2026, 11, 21))
    assert (texts.kind, texts.login) == ("organization", "acme")
    assert (texts.first_day, texts.last_day) == (date(2026, 11, 9), date(2026, 11, 15))


@pytest.mark.parametrize(
    ("preset", "first", "last"),
    [
        ("last-7-days", date(2026, 2, 22), date(2026, 2, 28)),
        ("last-28-days", date(2026, 2, 1), date(2026, 2, 28)),
        ("last-week", date(2026, 2, 16), date(2026, 2, 22)),
        ("this-month", date(2026, 3, 1), date(2026, 3, 1)),
        ("last-month", date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_periods_are_counted_from_the_day_of_asking(preset: str, first: date, last: date) -> None:
    assert days_of(preset, date(2026, 3, 1)) == (first, last)


def test_a_reports_own_options_are_read_by_their_kind() -> None:
    own = (
        Option("figures", "Figures", Kind.CHOICES, choices=(("a", "A"), ("b", "B"))),
        Option("is_open", "Open", Kind.FLAG),
    )
    query = ReportQuery.parse({"figures": "b,a", "is_open": "1"}, own)
    assert query.extra == {"figures": ("a", "b"), "is_open": True}
    assert list(query.given()) == ["--figures", "--is-open"]
    with pytest.raises(ReportError, match="“Figures” takes one of a, b, not 'c'"):
        ReportQuery.parse({"figures": "c"}, own, by_label=True)


def test_every_column_of_every_report_says_what_it_holds() -> None:
    silent = {
        f"{report.name}: {column.name}"
        for report in registry.all_reports()
        for column in report.explained_columns(ReportQuery())
        if not column.definition
    }
    assert silent == set()


# --- Pages --------------------------------------------------------------------------------------


def test_the_list_has_the_reports_that_its_reader_may_see(olga_client: Any, noa_client: Any) -> None:
    answer = olga_client.get("/reports/").content.decode()
    for report in registry.all_reports():
        assert (f'href="/reports/{report.name}/"' in answer) == report.is_listed
    assert "There is no report that you may read" in noa_client.get("/reports/").content.decode()


def test_every_report_has_a_page(olga_client: Any, acme: Any) -> None:
    for report in registry.all_reports():
        answer = olga_client.get(f"/reports/{report.name}/")
        assert answer.status_code == 200, report.name
        assert report.question.replace("'", "&#x27;") in answer.content.decode()


def test_a_page_shows_the_first_rows_and_leads_to_the_others(olga_client: Any, acme: Any) -> None:
    first = page_of(olga_client, "user-metrics")
    assert "user050" in first
    assert "user051" not in first
    assert "Count all" in first
    assert 'data-count="60"' in page_of(olga_client, "user-metrics", "?count=1")
    second = page_of(olga_client, "user-metrics", "?page=2")
    assert "user051" in second
    assert 'data-count="60"' in second


@pytest.mark.parametrize(
    ("query", "ticked"),
    [
        ("", ["active_users", "user_initiated_interaction_count", "loc_added_sum", "acceptance_rate"]),
        ("?figures=cli_users,user_days", ["user_days", "cli_users"]),
    ],
)
def test_boxes_are_ticked_for_the_figures_that_are_shown(
    olga_client: Any, acme: Any, query: str, ticked: list[str]
) -> None:
    page = page_of(olga_client, "custom", query)
    assert re.findall(r'name="figures" value="(\w+)" checked', page) == ticked
    for name in ticked:
        assert f">{name}</" in page, "and a column of that name"


def test_its_queries_do_not_grow_with_the_rows(
    olga_client: Any, acme: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(25):
        page_of(olga_client, "user-metrics")


def test_a_question_that_cannot_be_put_is_a_sentence_on_the_page(olga_client: Any, acme: Any) -> None:
    assert "“From” takes a day" in page_of(olga_client, "user-metrics", "?from=soon")
    assert "did you mean acme?" in page_of(olga_client, "user-metrics", "?organization=acmee")


def test_so_is_a_day_at_the_end_of_the_calendar_on_page_and_in_file(
    olga_client: Any, acme: Any, clock: Any
) -> None:
    says = "“As of” takes a day from 2000-01-01 to 2027-11-21, not 9999-12-31."
    assert says in olga_client.get("/reports/seats/", {"as_of": "9999-12-31"}).content.decode()
    download = olga_client.get("/reports/seats/download/", {"as_of": "9999-12-31"}, follow=True)
    assert says in download.content.decode()


def test_nobody_reads_a_report_without_its_permission(noa_client: Any, vic_client: Any, acme: Any) -> None:
    for path in ("", "download/?format=csv"):
        assert noa_client.get(f"/reports/user-metrics/{path}").status_code == 403
    assert noa_client.post("/reports/user-metrics/save/", {"name": "x"}).status_code == 403
    assert vic_client.get("/reports/user-metrics/").status_code == 200
    # Vic may see seats, not take them out.
    assert vic_client.get("/reports/seats/").status_code == 403
    assert vic_client.get("/reports/no-such-thing/").status_code == 404


# --- Files --------------------------------------------------------------------------------------


def test_a_download_is_the_command_s_file_and_is_noted(olga_client: Any, acme: Any) -> None:
    from tests.reports import exported

    query = "?organization=acme&from=2026-10-01&to=2026-10-01&format=csv"
    file = downloaded(olga_client, "user-metrics", query).decode()
    options = ("--organization", "acme", "--from", "2026-10-01", "--to", "2026-10-01")
    assert file == exported("user-metrics", *options)
    by_page, by_command = AuditEntry.objects.filter(action="report exported").order_by("sequence")
    assert by_page.actor_name == "olga"
    assert by_page.detail["rows"] == by_command.detail["rows"] == 60
    assert by_page.detail["asked"] == {"organization": "acme", "from": "2026-10-01", "to": "2026-10-01"}
    assert (by_page.detail["how"], by_command.detail["how"]) == ("page", "command line")


def test_one_that_is_broken_off_is_noted_as_well(olga: Any, acme: Any) -> None:
    report = registry.get("user-metrics")
    chunks = noted(report, report.read({}), "csv", asked={}, by=olga, how="page")
    next(chunks)
    chunks.close()
    [entry] = AuditEntry.objects.filter(action="report exported")
    assert entry.detail["broken_off"]


def test_a_header_block_says_what_the_file_is(olga_client: Any, acme: Any) -> None:
    asked = "?organization=acme&header=1&format="
    comments = [
        line
        for line in downloaded(olga_client, "user-metrics", f"{asked}csv").decode().splitlines()
        if line.startswith(("#", '"#'))
    ]
    assert any("Scope: organization acme" in line for line in comments)
    assert any("Column user_id: GitHub's numeric id" in line for line in comments)
    first, second = downloaded(olga_client, "user-metrics", f"{asked}ndjson").splitlines()[:2]
    assert json.loads(first)["header"]["facts"]["Period"] == "all stored days"
    assert json.loads(second)["user_id"] == 1
    book = load_workbook(io.BytesIO(downloaded(olga_client, "user-metrics", f"{asked}xlsx")))
    assert book.sheetnames == ["user-metrics", "About"]
    assert ("Made for", "olga") in set(book["About"].values)
    plain = downloaded(olga_client, "user-metrics", "?format=csv").decode()
    assert next(csv.reader(io.StringIO(plain)))[0] == "user_id"


# --- Saved --------------------------------------------------------------------------------------


def kept(owner: Any, **values: Any) -> SavedReport:
    values = {"name": "Ours", "report": "user-metrics", "filters": {"period": "last-7-days"}, **values}
    return SavedReport.objects.create(owner=owner, **values)


def test_a_page_saves_what_it_is_asked(olga_client: Any, acme: Any) -> None:
    form = {"name": "Monday", "format": "XLSX", "scope": "organization:acme", "period": "last-week"}
    answer = olga_client.post("/reports/user-metrics/save/", form)
    saved = SavedReport.objects.get()
    assert (saved.name, saved.file_format, str(saved.owner)) == ("Monday", "xlsx", "olga")
    assert saved.filters == {"organization": "acme", "period": "last-week"}
    assert answer["Location"] == "/reports/user-metrics/?organization=acme&period=last-week"
    assert "Monday" in olga_client.get("/reports/").content.decode()
    olga_client.post("/reports/user-metrics/save/", {"name": "Bad", "from": "soon"})
    assert SavedReport.objects.count() == 1


def test_it_is_read_by_its_owner_and_whom_they_chose_if_they_may_read_the_report(
    olga: Any, vic: Any, noa: Any, acme: Any
) -> None:
    def readers(saved: SavedReport) -> set[str]:
        found = (user.username for user in (vic, noa) if saved in SavedReport.objects.readable_by(user))
        return set(found)

    saved = kept(olga)
    assert readers(saved) == set()
    saved.sharing = "everyone"
    saved.save()
    assert readers(saved) == {"vic"}
    saved.sharing = "chosen"
    saved.save()
    group = Group.objects.create(name="analysts")
    saved.groups.add(group)
    vic.groups.add(group)
    saved.users.add(noa)
    assert readers(saved) == {"vic"}
    vic.user_permissions.remove(Permission.objects.get(codename="view_userday"))
    vic = type(vic).objects.get(pk=vic.pk)
    assert readers(saved) == set()


def test_only_its_owner_changes_it_and_others_copy_it(olga: Any, vic_client: Any, vic: Any) -> None:
    saved = kept(olga, sharing="everyone")
    page = reverse("admin:portal_savedreport_change", args=[saved.pk])
    assert vic_client.get(page).status_code == 200
    vic_client.post(page, {"name": "Mine now", "file_format": "csv", "sharing": "nobody"})
    saved.refresh_from_db()
    assert saved.name == "Ours"
    vic_client.post(reverse("admin:portal_savedreport_copy", args=[saved.pk]))
    copy = SavedReport.objects.get(owner=vic)
    own = reverse("admin:portal_savedreport_change", args=[copy.pk])
    vic_client.post(own, {"name": "Mine", "file_format": "xlsx", "sharing": "nobody"})
    copy.refresh_from_db()
    assert (copy.name, copy.file_format) == ("Mine", "xlsx")
    vic_client.post(reverse("admin:portal_savedreport_delete", args=[copy.pk]), {"post": "yes"})
    assert list(SavedReport.objects.all()) == [saved]
