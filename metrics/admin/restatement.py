"""Restatements: what later files changed of values that were stored before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from metrics.admin.lineage import link_to_file
from metrics.models import Restatement
from portal.admin.base import NOTHING, ReadOnlyAdmin, day, moment
from portal.admin.paginator import CappedPaginator
from portal.reports.base import Column, Row, columns_named

EXPORTED = (
    "account", "report", "day", "of", "user_login", "name", "field", "from", "to", "rows", "noticed_at",
    "old_file", "new_file",
)  # fmt: skip
AT_ONCE = 2_000


@admin.register(Restatement)
class RestatementAdmin(ReadOnlyAdmin):
    list_title = "Restatements"
    empty_title = "Nothing was restated yet"
    empty_note = (
        "GitHub tells of recent days again for some days, and a file may say otherwise than an earlier one: "
        "what that changes of stored values is listed here."
    )
    filled_through = ()
    list_display = ["on", "account", "report", "about", "field", "was", "now", "noticed", "by_file"]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
        ("field", FieldTextFilter),
        ("what", ChoicesDropdownFilter),
        ("noticed_at", RangeDateTimeFilter),
        ("new_file", AutocompleteSelectFilter),
    ]
    list_select_related = ["account", "user", "new_file", "old_file"]
    ordering = ["-id"]
    sortable_by: list[str] = []
    paginator = CappedPaginator
    fields = [
        ("on", "account", "report"),
        ("about", "field"),
        ("was", "now", "rows"),
        "noticed",
        ("by_file", "from_file"),
    ]
    readonly_fields = ["on", "about", "was", "now", "noticed", "by_file", "from_file"]

    @display(description="day", ordering="day")
    def on(self, row: Restatement) -> str:
        return day(row.day)

    @display(description="of")
    def about(self, row: Restatement) -> str:
        """Whose it is: a person, a repository, a team, or how many rows together."""
        if row.what == Restatement.What.MANY:
            return f"{row.rows:,} further row{'' if row.rows == 1 else 's'}, added up"
        return (row.user.login if row.user else row.name) or row.get_what_display()

    @display(description="from")
    def was(self, row: Restatement) -> str:
        return row.before or NOTHING

    @display(description="to")
    def now(self, row: Restatement) -> str:
        return row.after or NOTHING

    @display(description="noticed")
    def noticed(self, row: Restatement) -> str:
        return moment(row.noticed_at)

    @display(description="by file")
    def by_file(self, row: Restatement) -> str:
        return link_to_file(row.new_file)

    @display(description="until then by file")
    def from_file(self, row: Restatement) -> str:
        return link_to_file(row.old_file)

    # --- Taking it away ---

    def file_columns(self, request: HttpRequest) -> list[Column]:
        return columns_named(*EXPORTED)

    def file_rows(self, request: HttpRequest, changelist: Any) -> Iterator[Row]:
        return _exported(changelist.queryset)


def _exported(rows: QuerySet[Restatement]) -> Iterator[Row]:
    related = rows.select_related("account", "user", "old_file", "new_file")
    for row in related.iterator(chunk_size=AT_ONCE):
        yield (
            row.account.label,
            row.report,
            row.day,
            row.what,
            row.user.login if row.user else "",
            row.name,
            row.field,
            row.before,
            row.after,
            row.rows,
            row.noticed_at,
            row.old_file.name if row.old_file else "",
            row.new_file.name if row.new_file else "",
        )
