"""What the admin's pages have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import unfold.admin
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, ForeignKey
from django.http import HttpRequest, HttpResponse
from unfold.views import ChangeList

from portal.admin.list_as_file import ListAsFile
from portal.admin.paginator import CappedPaginator
from portal.site import page_for

NOTHING = "–"
# How data gets in: what it is called, the page by name, and the permission it takes.
CONNECT = ("Connect GitHub", "admin:portal_connection_add", "portal.add_connection")
UPLOAD = ("Upload a file", "metrics:upload", "portal.add_reportfile")


class PortalChangeList(ChangeList):
    """Tells in the page's title how many rows a filter left; the foot tells the rest."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.ways_in = ways_in(request, self.model_admin.filled_through)
        is_narrowed = bool(self.query or self.has_active_filters)
        if not is_narrowed or isinstance(self.paginator, CappedPaginator):
            # The theme writes the count beside the title when these two differ.
            self.full_result_count = self.result_count


class PortalModelAdmin(ListAsFile, unfold.admin.ModelAdmin):
    """An admin page of ours: wide list, filters applied together, a title in plain words."""

    list_title = ""
    # What an empty list says: that nothing is there, and what would bring something.
    empty_title = "Nothing here yet"
    empty_note = ""
    # The ways in which its rows get in, where nobody enters them here.
    filled_through: Sequence[tuple[str, str, str]] = ()
    list_fullwidth = True
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False
    empty_value_display = NOTHING

    class Media:
        css = {"all": ["portal/records.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PortalChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": self.list_title} if self.list_title else {}
        response: HttpResponse = super().changelist_view(request, {**title, **(extra_context or {})})
        return response

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What an address fills in beforehand; what its field could never hold is passed over."""
        given = super().get_changeform_initial_data(request)
        return {name: value for name, value in given.items() if self._may_hold(name, value)}

    def _may_hold(self, name: str, value: Any) -> bool:
        try:
            field = self.opts.get_field(name)
        except FieldDoesNotExist:
            return True
        if not isinstance(field, Field) or field.many_to_many:
            return True
        kind = field.target_field if isinstance(field, ForeignKey) else field
        try:
            kind.run_validators(kind.to_python(value))
        except ValidationError:
            return False
        return True

    def row_title(self, row: Any) -> str:
        """What a row's own page is headed by."""
        return str(row)

    def page_context(self, request: HttpRequest, row: Any | None) -> dict[str, Any]:
        """What a row's own page is told besides; without a row it is the page that adds one."""
        return {}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        # What was sent and refused stands in the row already: the page tells of what is stored.
        stored = row if row is None or request.method != "POST" else self.get_object(request, str(row.pk))
        context |= self.page_context(request, stored)
        if row is not None:
            context |= {"title": self.row_title(row), "subtitle": self.list_title}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response


class ReadOnlyAdmin(PortalModelAdmin):
    """For what GitHub or the portal itself writes: it is looked at here, never edited."""

    empty_note = "What is listed here comes from GitHub: by itself through a connection, or from uploads."
    filled_through: Sequence[tuple[str, str, str]] = (CONNECT, UPLOAD)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def ways_in(request: HttpRequest, ways: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Those of the ways to bring data in that this user may go: words and address."""
    found = [(words, page_for(request.user, page, permission)) for words, page, permission in ways]
    return [(words, url) for words, url in found if url]


def day(value: date | None) -> str:
    """A UTC day as people and spreadsheets both read it."""
    return f"{value:%Y-%m-%d}" if value else NOTHING


def moment(value: datetime | None) -> str:
    """An instant in UTC, to the minute."""
    return f"{value:%Y-%m-%d %H:%M} UTC" if value else NOTHING


def few(names: Sequence[str], shown: int = 2) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "") if names else NOTHING
