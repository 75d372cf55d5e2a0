"""The pages on which a table kept by hand goes out as a sheet and comes in again.

In: choose a file; say which column is which, unless that is known; see what would change; take it in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST, require_safe
from import_export.admin import ImportExportMixin

from portal import jobs
from portal.admin.job import live_part, progress_of
from portal.models import AuditEntry, Job
from portal.reports.writers import as_download
from seats.sheets import columns, formats, received
from seats.sheets.columns import guess, is_certain
from seats.sheets.received import CHECK, IMPORT, Received
from seats.sheets.tables import TABLES, Table

GONE = "That sheet is gone: it is kept for a day, for whoever chose it. Choose it again."


class SheetPages(ImportExportMixin):
    """In place of the library's own views, which keep a file in memory and read it twice in one request."""

    opts: Any
    model: Any
    admin_site: Any

    @property
    def table(self) -> Table | None:
        return TABLES.get(self.opts.model_name)

    def has_list_as_file(self) -> bool:
        # The sheet is what is taken away: it can be brought back.
        return self.table is None

    # --- Who may ---

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.table is not None and self.table.may_bring(request.user)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.table is not None and super().has_export_permission(request))

    # --- Addresses ---

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [url for url in super().get_urls() if url.name != f"{name}_process_import"]
        views: list[tuple[str, str, Callable[..., HttpResponse]]] = [
            ("", "sheet", require_safe(self.sheet_view)),
            ("columns/", "sheet_columns", require_POST(self.columns_view)),
            ("confirm/", "sheet_confirm", require_POST(self.confirm_view)),
            ("stop/", "sheet_stop", require_POST(self.stop_view)),
            ("discard/", "sheet_discard", require_POST(self.discard_view)),
            ("progress/", "sheet_progress", require_safe(self.progress_view)),
        ]
        steps = [
            path(
                f"import/<str:token>/{tail}",
                self.admin_site.admin_view(self._guarded(view)),
                name=f"{name}_{end}",
            )
            for tail, end, view in views
        ]
        return [*steps, *own]

    def _url(self, end: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{end}", args=args)

    def _guarded(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """Hands the view the sheet, if this user sent it for this table and still may."""

        def found(request: HttpRequest, token: str) -> HttpResponse:
            if self.table is None or not self.has_import_permission(request):
                raise PermissionDenied
            sheet = received.find(token, request.user, self.table)
            if sheet is None:
                messages.error(request, GONE)
                return HttpResponseRedirect(self._url("import"))
            return view(request, sheet)

        return found

    # --- In ---

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Choose a file."""
        if self.table is None or not self.has_import_permission(request):
            raise PermissionDenied
        error = ""
        if request.method == "POST":
            file = request.FILES.get("import_file")
            try:
                if file is None:
                    raise formats.Unreadable("Choose a file.")
                return self._begin(request, received.receive(file, self.table, request.user))
            except formats.Unreadable as unreadable:
                error = str(unreadable)
        resource = self.table.resource()
        return self._page(
            request,
            "choose",
            f"Import {self._named()}",
            error=error,
            headers=resource.headers(),
            needs=resource.needs,
            rows_at_once=settings.SHEET_ROWS_AT_ONCE,
            max_megabytes=received.MOST_BYTES // 1024**2,
        )

    def _begin(self, request: HttpRequest, sheet: Received) -> HttpResponse:
        known = columns.remembered(request.user, sheet.table_name)
        resource = sheet.table.resource()
        guessed = guess(resource, sheet.headers, known)
        if is_certain(resource, sheet.headers, known, guessed):
            sheet.choose(guessed)
            received.start(sheet, CHECK, request.user)
        return HttpResponseRedirect(self._url("sheet", sheet.token))

    def sheet_view(self, request: HttpRequest, sheet: Received) -> HttpResponse:
        """The step that the sheet has reached."""
        job = sheet.job()
        if job is not None and job.is_live:
            return self._working(request, sheet, job)
        result = sheet.answer(IMPORT)
        if result is not None and not result["wrong_rows"]:
            return self._done(request, sheet, result)
        if sheet.chosen is None or "columns" in request.GET:
            return self._ask_for_columns(request, sheet, sheet.chosen)
        found = result or sheet.answer(CHECK)
        title = f"Import {self._named()}: preview"
        for row in found["shown"] if found else ():
            row["cells"] = [mark_safe(cell) for cell in row["cells"]]  # noqa: S308 -- escaped when it was made
        return self._page(
            request,
            "preview",
            title,
            sheet=sheet,
            found=found,
            job=job,
            failed=result is not None,
            not_read=columns.not_read(sheet.table.resource(), sheet.headers, sheet.chosen),
        )

    def _working(self, request: HttpRequest, sheet: Received, job: Job) -> HttpResponse:
        doing = "Taking it in" if job.kind == IMPORT else "Trying it"
        bar = live_part(job, "progress", "…", self._url("sheet_progress", sheet.token))
        return self._page(request, "working", f"{doing}: {sheet.name}", sheet=sheet, job=job, bar=bar)

    def _done(self, request: HttpRequest, sheet: Received, result: dict[str, Any]) -> HttpResponse:
        sheet.remove()
        totals = result["totals"]
        messages.success(
            request,
            f"Taken in: {totals['new']:,} new, {totals['changed']:,} changed, {totals['same']:,} the same.",
        )
        return HttpResponseRedirect(self._url("changelist"))

    def _ask_for_columns(
        self, request: HttpRequest, sheet: Received, chosen: list[str] | None, wrong: list[str] | None = None
    ) -> HttpResponse:
        resource = sheet.table.resource()
        if chosen is None:
            chosen = guess(resource, sheet.headers, columns.remembered(request.user, sheet.table_name))
        asked = [
            {"number": number, "header": header or f"Column {number + 1}", "samples": samples, "chosen": name}
            for number, (header, samples, name) in enumerate(
                zip(sheet.headers, sheet.samples, chosen, strict=True)
            )
        ]
        return self._page(
            request,
            "columns",
            f"Import {self._named()}: which column is which",
            sheet=sheet,
            asked=asked,
            names=resource.headers(),
            needs=resource.needs,
            wrong=wrong or [],
        )

    def columns_view(self, request: HttpRequest, sheet: Received) -> HttpResponse:
        resource = sheet.table.resource()
        ours = set(resource.headers())
        said = [request.POST.get(f"column-{number}", "") for number in range(len(sheet.headers))]
        chosen = [name if name in ours else "" for name in said]
        if wrong := columns.wrong(resource, chosen):
            return self._ask_for_columns(request, sheet, chosen, wrong)
        columns.remember(request.user, sheet.table_name, sheet.headers, chosen)
        sheet.choose(chosen)
        received.start(sheet, CHECK, request.user)
        return HttpResponseRedirect(self._url("sheet", sheet.token))

    def confirm_view(self, request: HttpRequest, sheet: Received) -> HttpResponse:
        found = sheet.answer(CHECK)
        if found is None:
            if sheet.chosen is not None:
                received.start(sheet, CHECK, request.user)
        elif not found["wrong_rows"]:
            # A page may be older than what was found last: what it showed is what is confirmed.
            seen = request.POST.get("seen", found.get("digest", ""))
            received.start(sheet, IMPORT, request.user, seen)
        return HttpResponseRedirect(self._url("sheet", sheet.token))

    def stop_view(self, request: HttpRequest, sheet: Received) -> HttpResponse:
        job = sheet.job()
        if job is not None:
            jobs.cancel(job, request.user)
        return HttpResponseRedirect(self._url("sheet", sheet.token))

    def discard_view(self, request: HttpRequest, sheet: Received) -> HttpResponse:
        sheet.remove()
        return HttpResponseRedirect(self._url("changelist"))

    def progress_view(self, request: HttpRequest, sheet: Received) -> JsonResponse:
        return progress_of(Job.objects.filter(subject=sheet.subject))

    # --- Out ---

    def export_action(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """What the list shows, with its filters, as a sheet."""
        if self.table is None or not self.has_export_permission(request):
            raise PermissionDenied
        chosen = next((one for one in formats.FORMATS if one.name == request.POST.get("format")), None)
        try:
            queryset = self.get_export_queryset(request)
        except IncorrectLookupParameters:
            # As the list answers it: all rows are not what was asked for.
            return HttpResponseRedirect(f"{self._url('changelist')}?{ERROR_FLAG}=1")
        if request.method == "POST" and chosen is not None:
            chunks = _told(self.table, chosen(), queryset, request.user)
            return as_download(chunks, f"{self.table.noun.replace(' ', '-')}s", chosen.name)
        return self._page(
            request,
            "export",
            f"Export {self._named()}",
            rows=queryset.count(),
            headers=self.table.resource().headers(),
            formats=[one.name for one in formats.FORMATS],
            error="" if request.method != "POST" else "Choose one of the formats.",
        )

    # --- Pages ---

    def _named(self) -> str:
        return str(getattr(self, "list_title", "") or self.opts.verbose_name_plural).lower()

    def _page(self, request: HttpRequest, step: str, title: str, **context: Any) -> TemplateResponse:
        sheet = context.get("sheet")
        ends = ("columns", "confirm", "stop", "discard")
        urls = {end: self._url(f"sheet_{end}", sheet.token) for end in ends} if sheet else {}
        return TemplateResponse(
            request,
            f"admin/seats/sheets/{step}.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": title,
                "media": self.media,
                "urls": {"list": self._url("changelist"), "import": self._url("import"), **urls},
                **context,
            },
        )


def _told(table: Table, chosen: formats.SheetFormat, queryset: QuerySet[Any], by: Any) -> Iterator[bytes]:
    """The sheet, and when it is over an entry of the audit with what was taken away."""
    resource, sha256, rows = table.resource(), hashlib.sha256(), 0

    def counted() -> Iterator[list[formats.Cell]]:
        nonlocal rows
        for line in resource.lines(queryset):
            rows += 1
            yield line

    is_whole = False
    try:
        for chunk in chosen.write(resource.headers(), counted()):
            sha256.update(chunk)
            yield chunk
        is_whole = True
    finally:
        detail = {"rows": rows, "format": chosen.name, "sha256": sha256.hexdigest(), "whole": is_whole}
        AuditEntry.objects.record(f"{table.noun} exported", actor=by, detail=detail)
