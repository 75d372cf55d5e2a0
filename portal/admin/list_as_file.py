"""What a list shows, taken away in full: every row that its filters leave, not those of one page."""

from __future__ import annotations

import html
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import slugify

from portal.reports import writers
from portal.reports.base import Column, Row, Value
from portal.reports.exports import noted_rows

# Rows that are held at a time.
AT_ONCE = 500
CHECKBOX = "action_checkbox"


class ListAsFile:
    """For an admin: its list as CSV, XLSX and NDJSON, as it is filtered now.

    The file has the columns of the list, unless the admin says otherwise in `file_columns` and `file_rows`.
    """

    model: Any
    admin_site: Any
    opts: Any

    def has_list_as_file(self) -> bool:
        """Not where the whole list is taken away in a better way, which its page offers."""
        return True

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]  # an admin is behind it
        if not self.has_list_as_file():
            return urls
        view = self.admin_site.admin_view(self.list_as_file)
        return [path("file/<str:file_format>/", view, name=self._url_name), *urls]

    @property
    def _url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_list_file"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context: dict[str, Any] = {}
        if self.has_list_as_file():
            asked = f"?{request.GET.urlencode()}" if request.GET else ""
            context["export_formats"] = [
                (name.upper(), reverse(f"admin:{self._url_name}", args=[name]) + asked)
                for name in writers.FORMATS
            ]
        response: HttpResponse = super().changelist_view(  # type: ignore[misc]  # an admin is behind it
            request, {**context, **(extra_context or {})}
        )
        return response

    def list_as_file(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]  # an admin is behind it
            raise PermissionDenied
        if file_format not in writers.FORMATS:
            raise Http404
        try:
            # The kinds of the list's filters are checked before anything is sent.
            changelist = self.get_changelist_instance(request)  # type: ignore[attr-defined]
        except IncorrectLookupParameters:
            # As the list answers it: all rows are not what was asked for.
            page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            return HttpResponseRedirect(f"{page}?{ERROR_FLAG}=1")
        name = str(self.opts.verbose_name_plural).replace(" ", "-")
        chunks = noted_rows(
            self.file_columns(request),
            self.file_rows(request, changelist),
            file_format,
            title=name,
            subject=f"list:{self.opts.label_lower}",
            by=request.user,
            asked=request.GET.dict(),
        )
        return writers.as_download(chunks, name, file_format)

    # --- What it holds ---

    def file_columns(self, request: HttpRequest) -> Sequence[Column]:
        """As the list is headed."""
        columns: list[Column] = []
        for shown in self._shown(request):
            label = str(label_for_field(shown, self.model, cast("Any", self)))
            name = slugify(label).replace("-", "_") or str(shown)
            known = sum(column.name == name for column in columns)
            columns.append(Column(f"{name}_{known + 1}" if known else name, label))
        return columns

    def file_rows(self, request: HttpRequest, changelist: Any) -> Iterator[Row]:
        """As the list shows them, in its order."""
        names = self._shown(request)
        for rows in in_pieces(request, changelist):
            for row in rows:
                yield [self._value(name, row) for name in names]

    def _shown(self, request: HttpRequest) -> list[Any]:
        return [name for name in self.get_list_display(request) if name != CHECKBOX]  # type: ignore[attr-defined]

    def _value(self, name: Any, row: Model) -> Value:
        try:
            field, attribute, value = lookup_field(name, row, self)  # type: ignore[arg-type]
        except ObjectDoesNotExist:
            return None
        if field is not None and getattr(field, "flatchoices", None):
            return str(dict(field.flatchoices).get(value, value))
        if getattr(attribute, "label", None) and isinstance(value, tuple | list):
            value = value[-1]
        elif isinstance(value, tuple | list):
            value = ", ".join(str(part) for part in value if part)
        return self._told(value)

    def _told(self, value: Any) -> Value:
        if value is None or isinstance(value, Value.__args__):
            if isinstance(value, SafeString):
                value = html.unescape(" ".join(strip_tags(value).split()))
            return None if value == self.get_empty_value_display() else value  # type: ignore[attr-defined]
        return str(value)


def in_pieces(request: HttpRequest, changelist: Any) -> Iterator[Sequence[Any]]:
    """All rows of the list, some at a time, each piece prepared as a page of it; nothing but keys is held."""
    found: QuerySet[Any] = changelist.queryset
    read = found.prefetch_related(None).values_list("pk", flat=True).iterator()
    is_number = found.model._meta.pk.get_internal_type().endswith(("AutoField", "IntegerField"))
    keys: Any = array("q", read) if is_number else list(read)
    changelist.show_all, changelist.page_num, changelist.list_per_page = False, 1, AT_ONCE
    for start in range(0, len(keys), AT_ONCE):
        changelist.queryset = found.filter(pk__in=list(keys[start : start + AT_ONCE]))
        changelist.get_results(request)
        yield changelist.result_list
