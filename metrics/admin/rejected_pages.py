"""Rejected lines by file and reason, with all of a group tried again or taken away."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from metrics import rejected_groups
from portal.models import AuditEntry, RejectedLine, ReportFile
from portal.reports.writers import CONTENT_TYPES, instant, safe

if TYPE_CHECKING:
    from metrics.admin.rejected_line import RejectedLineAdmin

SHOWN_GROUPS = 200
LINES_AT_ONCE = 500
COLUMNS = ("file", "kind", "received_at", "line_number", "reason", "line")


class Pages:
    def __init__(self, admin: RejectedLineAdmin) -> None:
        self.admin = admin

    def by_reason(self, request: HttpRequest) -> HttpResponse:
        """Every file's open lines, counted by what is wrong with them."""
        if not self.admin.has_view_permission(request):
            raise PermissionDenied
        groups, is_all = rejected_groups.groups(_of_files(request, RejectedLine.objects.open()))
        shown = [
            {
                "group": group,
                "narrowed": urlencode({"file__id__exact": group.file.pk, "reason": group.reason}),
                "may_read": rejected_groups.may_read(request.user, group.file.kind),
            }
            for group in groups[:SHOWN_GROUPS]
        ]
        context = {
            **self.admin.admin_site.each_context(request),
            "title": "Rejected lines by reason",
            "groups": shown,
            "total": sum(group.count for group in groups),
            "more": len(groups) - len(shown),
            "is_all": is_all,
            "may_retry": self.admin.has_change_permission(request),
        }
        return TemplateResponse(request, "admin/portal/rejectedline/by_reason.html", context)

    def retry(self, request: HttpRequest) -> HttpResponse:
        """Try all open lines of a file and reason again: at once where they are few."""
        if request.method != "POST" or not self.admin.has_change_permission(request):
            raise PermissionDenied
        pk = request.POST.get("file", "")
        file = get_object_or_404(ReportFile, pk=pk if pk.isdecimal() and len(pk) < 19 else 0)
        if not rejected_groups.may_read(request.user, file.kind):
            raise PermissionDenied
        reason = request.POST.get("reason", "")
        lines = rejected_groups.narrowed(RejectedLine.objects.open().filter(file=file), reason)
        count = lines.count()
        if count > rejected_groups.RETRY_AT_ONCE:
            job = rejected_groups.enqueue_retry(file, reason, count, request.user)
            messages.info(request, f"{count:,} lines: the worker tries them again.")
            return redirect("admin:portal_job_change", job.pk)
        tally = rejected_groups.retry(lines, request.user)
        if not tally["lines"]:
            messages.info(request, "None of these lines is open any more.")
        if tally["in"]:
            messages.success(request, f"{tally['in']:,} of {tally['lines']:,} lines are in now.")
        if tally["rejected"] or tally["refused"]:
            still = tally["lines"] - tally["in"]
            messages.warning(request, f"{still:,} still cannot be taken in; each says why.")
        return redirect("admin:portal_rejectedline_by_reason")

    def export(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """The lines of the list as it is filtered, as CSV or NDJSON; without those the user may not read."""
        if not self.admin.has_view_permission(request):
            raise PermissionDenied
        if form not in WRITERS:
            raise Http404("CSV or NDJSON.")
        kinds = rejected_groups.readable_kinds(request.user)
        changelist = self.admin.get_changelist_instance(request)
        lines: QuerySet[RejectedLine] = changelist.queryset.filter(file__kind__in=kinds)
        AuditEntry.objects.record(
            "rejected lines exported",
            subject="rejected-lines",
            actor=request.user,
            detail={"lines": lines.count(), "format": form},
        )
        response = StreamingHttpResponse(
            WRITERS[form](rejected_groups.exported(lines)), content_type=CONTENT_TYPES[form]
        )
        name = f"rejected-lines-{timezone.now():%Y-%m-%d}.{form}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def ways(request: HttpRequest) -> dict[str, Any]:
    """What the list's head offers: the same lines by reason, and to take away."""
    asked = request.GET.urlencode()
    return {
        form.upper(): f"{reverse('admin:portal_rejectedline_export', args=[form])}?{asked}"
        for form in WRITERS
    }


def _of_files(request: HttpRequest, lines: QuerySet[RejectedLine]) -> QuerySet[RejectedLine]:
    file = request.GET.get("file__id__exact", "")
    return lines.filter(file=int(file)) if file.isdecimal() and len(file) < 19 else lines


def _csv(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    written: list[str] = []

    class Lines:
        write = written.append

    writer = csv.writer(Lines)
    writer.writerow(COLUMNS)
    for row in rows:
        row["received_at"] = instant(row["received_at"])
        writer.writerow([safe(value) if isinstance(value, str) else value for value in row.values()])
        if len(written) >= LINES_AT_ONCE:
            yield "".join(written).encode("utf-8", "replace")
            written.clear()
    yield "".join(written).encode("utf-8", "replace")


def _ndjson(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        row["received_at"] = instant(row["received_at"])
        yield msgspec.json.encode(row) + b"\n"


WRITERS = {"csv": _csv, "ndjson": _ndjson}
