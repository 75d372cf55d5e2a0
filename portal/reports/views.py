"""The pages of reports: which there are, one with its filters and a table, and the same rows as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import groupby
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from portal.models import SavedReport
from portal.reports import registry, writers
from portal.reports.base import Column, Report, ReportError, ReportQuery
from portal.reports.exports import noted
from portal.reports.fields import fields_of
from portal.reports.header import asked as asked_of
from portal.reports.written import is_number, written

ROWS_OF_A_PAGE = 50
# Rows are made from the first one on, so a page far behind would cost as much as the file.
MOST_PAGES = 20
# Subjects in the order in which a reader looks for them; others follow by name.
SUBJECTS = ("Seats", "Use", "Money", "Taking seats back", "System")

View = Callable[..., HttpResponseBase]


def of_report(view: View) -> View:
    """The view gets the report of the name, for whoever may read it."""

    @wraps(view)
    def found(request: HttpRequest, name: str) -> HttpResponseBase:
        try:
            report = registry.get(name)
        except ReportError as error:
            raise Http404(str(error)) from None
        if not report.is_open_to(request.user):
            raise PermissionDenied
        return view(request, report)

    wrapped: View = admin.site.admin_view(found)
    return wrapped


# --- Which reports there are ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subject:
    title: str
    reports: Sequence[Report]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    mine = SavedReport.objects.readable_by(request.user).select_related("owner")
    context = {
        **admin.site.each_context(request),
        "title": "Reports",
        "subjects": list(_subjects(request.user)),
        "saved": [
            {
                "saved": saved,
                "report": saved.known,
                "asked": _in_words(saved),
                "is_own": saved.is_of(request.user),
            }
            for saved in mine
        ],
    }
    return TemplateResponse(request, "portal/reports/index.html", context)


def _subjects(user: Any) -> list[Subject]:
    def place(report: Report) -> tuple[int, str, str]:
        known = SUBJECTS.index(report.subject) if report.subject in SUBJECTS else len(SUBJECTS)
        return known, report.subject, report.title

    readable = [report for report in registry.all_reports() if report.is_listed and report.is_open_to(user)]
    grouped = groupby(sorted(readable, key=place), key=attrgetter("subject"))
    return [Subject(title, list(reports)) for title, reports in grouped]


def _in_words(saved: SavedReport) -> str:
    try:
        return "; ".join(f"{label}: {value}" for label, value in asked_of(saved.known, saved.query()))
    except ReportError as error:
        return str(error)


# --- One report -------------------------------------------------------------------------------


def texts(given: QueryDict) -> dict[str, str]:
    """What an address gives, several values of one name put together."""
    return {name: ",".join(filter(None, given.getlist(name))) for name in given}


@of_report
@require_safe
def report_page(request: HttpRequest, report: Report) -> HttpResponse:
    given = texts(request.GET)
    asked = report.filters(given)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": report.title,
        "report": report,
        "fields": list(fields_of(report, given)),
        "formats": [name.upper() for name in writers.FORMATS],
        "has_header": given.get("header") == "1",
        "asked": sorted(asked.items()),
        "query": urlencode(asked),
        "command": _command(report, asked),
    }
    try:
        query = _query(request, report, given)
    except ReportError as error:
        return TemplateResponse(request, "portal/reports/report.html", {**context, "refused": str(error)})
    page = _page_number(given.get("page", ""))
    rows = report.some_rows(query, (page - 1) * ROWS_OF_A_PAGE, ROWS_OF_A_PAGE + 1)
    shown = rows[:ROWS_OF_A_PAGE]
    counted = _counted(report, query, page, len(rows), wanted=given.get("count") == "1")
    context |= {
        "columns": [Heading(column) for column in report.explained_columns(query)],
        "rows": _cells(
            report.explained_columns(query), shown, report.rows_behind(query, shown, request.user)
        ),
        "said": asked_of(report, query),
        "facts": report.facts(query),
        "count": counted,
        "page": page,
        "first": (page - 1) * ROWS_OF_A_PAGE + 1,
        "last": (page - 1) * ROWS_OF_A_PAGE + min(len(rows), ROWS_OF_A_PAGE),
        "is_cut": len(rows) > ROWS_OF_A_PAGE and page >= MOST_PAGES,
        "before": _paged(asked, page - 1) if page > 1 else "",
        "after": _paged(asked, page + 1) if len(rows) > ROWS_OF_A_PAGE and page < MOST_PAGES else "",
        "count_query": urlencode({**asked, "page": page, "count": 1}),
    }
    return TemplateResponse(request, "portal/reports/report.html", context)


@dataclass(frozen=True, slots=True)
class Heading:
    column: Column

    @property
    def is_number(self) -> bool:
        return is_number(self.column)


@dataclass(frozen=True, slots=True)
class ShownCell:
    text: str
    is_number: bool
    # Of a row's first cell that says something: where the rows are that it is made of.
    url: str = ""


def _cells(columns: Sequence[Column], rows: Sequence[Any], urls: Sequence[str]) -> list[list[ShownCell]]:
    return [_row(columns, row, url) for row, url in zip(rows, urls, strict=True)]


def _row(columns: Sequence[Column], row: Sequence[Any], url: str) -> list[ShownCell]:
    cells = []
    for value, column in zip(row, columns, strict=True):
        leads = "" if value in (None, "") else url
        cells.append(ShownCell(written(value, column), is_number(column), leads))
        url = "" if leads else url
    return cells


def _query(request: HttpRequest, report: Report, given: Mapping[str, str]) -> ReportQuery:
    query = report.read(given, by_label=True)
    if not report.is_open_to(request.user, query):
        raise PermissionDenied
    return query


def _page_number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 1
    return min(max(number, 1), MOST_PAGES)


def _counted(report: Report, query: ReportQuery, page: int, shown: int, *, wanted: bool) -> int | None:
    """How many rows there are, where that is known or was asked for; else None."""
    if shown <= ROWS_OF_A_PAGE and (shown or page == 1):
        return (page - 1) * ROWS_OF_A_PAGE + shown
    known = report.count(query)
    if known is None and wanted:
        return sum(1 for _row in report.rows(query))
    return known


def _paged(asked: Mapping[str, str], page: int) -> str:
    return urlencode({**asked, **({"page": str(page)} if page > 1 else {})})


def _command(report: Report, asked: Mapping[str, str]) -> str:
    """The same on the command line."""
    options = [f"--{name.replace('_', '-')} {_quoted(value)}" for name, value in asked.items()]
    return " ".join(["export_report", report.name, *options])


def _quoted(value: str) -> str:
    return value if value.replace("-", "").replace(".", "").isalnum() else f'"{value}"'


# --- As a file, and kept ----------------------------------------------------------------------


@of_report
@require_safe
def download(request: HttpRequest, report: Report) -> HttpResponseBase:
    given = texts(request.GET)
    file_format = given.get("format", "csv").lower()
    try:
        query = _query(request, report, given)
        chunks = noted(
            report,
            query,
            file_format,
            asked=report.filters(given),
            by=request.user,
            how="page",
            with_header=given.get("header") == "1",
        )
    except ReportError as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('reports:report', args=[report.name])}?{urlencode(report.filters(given))}")
    return writers.as_download(chunks, report.name, file_format)


@of_report
@require_POST
def save(request: HttpRequest, report: Report) -> HttpResponse:
    given = texts(request.POST)
    owner: Any = request.user
    saved = SavedReport(
        name=given.get("name", "").strip()[:120] or report.title,
        report=report.name,
        filters=report.filters(given),
        file_format=given.get("format", "csv").lower(),
        has_header=given.get("header") == "1",
        owner=owner,
    )
    try:
        saved.full_clean()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(f"{reverse('reports:report', args=[report.name])}?{urlencode(saved.filters)}")
    saved.save()
    share = reverse("admin:portal_savedreport_change", args=[saved.pk])
    schedule = f"{reverse('admin:portal_reportschedule_add')}?saved={saved.pk}"
    links = ' <a class="portal-link" href="{}">Share or rename it</a>'
    says = format_html("“{}” is saved." + links, saved.name, share)
    if request.user.has_perm("portal.add_reportschedule"):
        says = format_html('{} <a class="portal-link" href="{}">Schedule it</a>', says, schedule)
    messages.success(request, says)
    return redirect(saved.url())
