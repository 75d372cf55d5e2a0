"""Everything ever taken in, with what became of its rows. The model is the floor's; its days are ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import content_disposition_header
from django.views.generic import RedirectView
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display

from metrics.admin.standing import standing
from metrics.admin.undo_file import UndoPage
from metrics.kind_labels import KIND_LABELS, kind_label
from metrics.models import ReportDay, Restatement
from portal import jobs, kept_files
from portal.admin.base import NOTHING, ReadOnlyAdmin, day, moment
from portal.admin.file_origin import brought
from portal.admin.subjects import SubjectColumn
from portal.models import AuditEntry, Job, ReportFile

BLOCK = 256 * 1024
# Further arrivals of the same content that are listed.
SHOWN_AGAIN = 5
# What a request may take on; larger files wait for a worker.
DONE_AT_ONCE = 16 * 1024 * 1024
STATE_COLOURS = {"reading": "info", "done": "success", "undoing": "danger", "undone": "warning"}


class KindFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(KIND_LABELS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[ReportFile]) -> QuerySet[ReportFile]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(ReportFile)
class ReportFileAdmin(UndoPage, SubjectColumn, ReadOnlyAdmin):
    list_title = "Report files"
    list_display = [
        "name",
        "kind_in_words",
        "about",
        "as_of",
        "rows",
        "became",
        "state_label",
        "received",
    ]
    list_filter = [
        KindFilter,
        ("state", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        ("received_at", RangeDateTimeFilter),
    ]
    list_select_related = ["received_by"]
    search_fields = ["name", "sha256"]
    search_help_text = "File name or sha256"
    ordering = ["-id"]
    sortable_by: list[str] = []
    actions_list = ["upload"]
    actions_detail = ["download", "undo"]
    actions = ["rebuild_days"]
    readonly_fields = [
        "kind_in_words",
        "about",
        "days",
        "rejects",
        "removed_rows",
        "is_kept",
        "said",
        "digest",
        "bytes",
        "stands",
        "came",
        "came_again",
        "restated_by_it",
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    ("kind_in_words", "about"),
                    ("state", "is_complete"),
                    ("came", "came_again"),
                    "days",
                ]
            },
        ),
        ("What of it stands", {"fields": ["stands", "restated_by_it"]}),
        (
            "Rows",
            {
                "fields": [
                    ("rows_read", "rows_new", "rows_changed"),
                    ("rows_unchanged", "rows_superseded", "conflicts"),
                    "rejects",
                    "removed_rows",
                ]
            },
        ),
        (
            "The file",
            {
                "fields": [
                    ("observed_at", "finished_at"),
                    ("bytes", "is_kept"),
                    "digest",
                    "said",
                ]
            },
        ),
    ]

    def get_urls(self) -> list[URLPattern]:
        # The upload has pages of its own; here it can be found from the list of files, too.
        to_upload = RedirectView.as_view(pattern_name="metrics:upload")
        return [
            path("upload/", self.admin_site.admin_view(to_upload), name="portal_reportfile_upload"),
            *super().get_urls(),
        ]

    @display(description="kind", ordering="kind")
    def kind_in_words(self, file: ReportFile) -> str:
        return kind_label(file.kind)

    @display(description="about")
    def about(self, file: ReportFile) -> str:
        return super().about(file)

    @display(description="as of", ordering="observed_at")
    def as_of(self, file: ReportFile) -> str:
        return day(file.observed_at)

    @display(description="received", ordering="received_at")
    def received(self, file: ReportFile) -> str:
        by = f" by {file.received_by}" if file.received_by else ""
        return format_html('<span class="portal-nowrap">{}</span>{}', day(file.received_at), by)

    @display(description="state", label=STATE_COLOURS)
    def state_label(self, file: ReportFile) -> tuple[str, str]:
        return file.state, file.get_state_display()

    @display(description="of which")
    def became(self, file: ReportFile) -> str:
        """What became of the rows, without the classes that none fell into."""
        classes = ("new", "changed", "unchanged", "superseded")
        counts = [(getattr(file, f"rows_{name}"), name) for name in classes]
        words = ", ".join(f"{count:,} {name}" for count, name in counts if count)
        if not file.rows_rejected:
            return words or NOTHING
        return format_html("{}{}{} rejected", words, ", " if words else "", self.rejects(file))

    @display(description="rejected")
    def rejects(self, file: ReportFile) -> str:
        if not file.rows_rejected:
            return "0"
        url = reverse("admin:portal_rejectedline_changelist")
        return format_html(
            '<a class="portal-link" href="{}?file__id__exact={}">{}</a>',
            url,
            file.pk,
            f"{file.rows_rejected:,}",
        )

    @display(description="days")
    def days(self, file: ReportFile) -> str:
        """The span as told by the file, and a link to the days that it still tells."""
        if not file.first_day:
            return NOTHING
        last = "" if file.first_day == file.last_day else f" to {day(file.last_day)}"
        url = reverse("admin:metrics_reportday_changelist")
        told = ReportDay.objects.filter(file=file).count()
        return format_html(
            '{}{} (<a class="portal-link" href="{}?file__id__exact={}">source of {} covered day{}</a>)',
            day(file.first_day),
            last,
            url,
            file.pk,
            told,
            "" if told == 1 else "s",
        )

    @display(description="removed by it")
    def removed_rows(self, file: ReportFile) -> str:
        return ", ".join(map(str, file.removed)) or NOTHING

    @display(description="what of it stands")
    def stands(self, file: ReportFile) -> str:
        return standing(file)

    @display(description="brought")
    def came(self, file: ReportFile) -> str:
        return brought(file)

    @display(description="came again")
    def came_again(self, file: ReportFile) -> str:
        """The other records of the very same content."""
        same = ReportFile.objects.filter(sha256=file.sha256, kind=file.kind).exclude(pk=file.pk)
        shown = list(same.select_related("received_by")[: SHOWN_AGAIN + 1])
        links = format_html_join(
            ", ",
            '<a class="portal-link" href="{}">{}</a> ({})',
            (
                (
                    reverse("admin:portal_reportfile_change", args=[one.pk]),
                    day(one.received_at),
                    one.get_state_display(),
                )
                for one in shown[:SHOWN_AGAIN]
            ),
        )
        return format_html("{}{}", links, " and more" if len(shown) > SHOWN_AGAIN else "") or NOTHING

    @display(description="restated by it")
    def restated_by_it(self, file: ReportFile) -> str:
        number = Restatement.objects.filter(new_file=file).count()
        if not number:
            return NOTHING
        url = f"{reverse('admin:metrics_restatement_changelist')}?new_file__id__exact={file.pk}"
        words = f"{number:,} value{'' if number == 1 else 's'} of what was stored before"
        return format_html('<a class="portal-link" href="{}">{}</a>', url, words)

    @display(description="said when it came")
    def said(self, file: ReportFile) -> str:
        """What the person who brought it said, beside what the file says itself."""
        return ", ".join(_said(name, value) for name, value in file.options.items() if value) or NOTHING

    @display(description="sha256")
    def digest(self, file: ReportFile) -> str:
        return format_html('<span class="portal-value">{}</span>', file.sha256)

    @display(description="rows", ordering="rows_read")
    def rows(self, file: ReportFile) -> str:
        return f"{file.rows_read:,}"

    @display(description="size")
    def bytes(self, file: ReportFile) -> str:
        return f"{filesizeformat(file.size)}, as received"

    @display(description="kept", boolean=True)
    def is_kept(self, file: ReportFile) -> bool:
        return file.kept_file is not None and file.kept_file.is_file()

    def has_rebuild_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("portal.change_reportfile")

    @action(description="Rebuild the days of selected files", permissions=["rebuild"])
    def rebuild_days(self, request: HttpRequest, queryset: QuerySet[ReportFile]) -> None:
        """One job per file; what is short is done at once, the rest by a worker."""
        for file in queryset:
            begin = jobs.run_here if file.size <= DONE_AT_ONCE else jobs.enqueue
            task = "metrics.tasks.rebuild_file"
            job = begin("rebuild file", f"file:{file.pk}", task, {"file": file.pk}, request.user)
            if job.state == Job.State.DONE:
                messages.success(request, f"{file.name}: {job.tally['days']} days made anew.")
            elif job.is_live:
                messages.info(request, f"{file.name}: a worker is at it; see the jobs.")
            else:
                messages.error(request, f"{file.name}: {job.error}")

    def has_upload_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("portal.add_reportfile")

    @action(description="Upload a file", url_path="add-file", permissions=["upload"])
    def upload(self, request: HttpRequest) -> HttpResponse:
        return redirect("metrics:upload")

    @action(description="Download the kept file", url_path="download", permissions=["view"], icon="download")
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse | StreamingHttpResponse:
        """The file as it was received, while it is kept. It holds people's data, so that is noted."""
        file = get_object_or_404(ReportFile, pk=object_id)
        if not self.is_kept(file):
            messages.warning(request, "This file is no longer kept.")
            return redirect("admin:portal_reportfile_change", file.pk)
        AuditEntry.objects.record("file downloaded", subject=f"file:{file.pk}", actor=request.user)
        response = StreamingHttpResponse(_unpacked(file.kept_path), content_type="application/octet-stream")
        response["Content-Disposition"] = content_disposition_header(True, file.name.replace("/", "-"))
        return response


def _said(name: str, value: Any) -> str:
    """One of the things that were said of a file, in words."""
    words = name.replace("_", " ")
    if value is True:
        return words
    if name.endswith("_at"):
        return f"{words} {moment(datetime.fromisoformat(value))}"
    if isinstance(value, list):
        first, last = value[0], value[-1]
        return f"{words} {first}" if first == last else f"{words} {first} to {last}"
    return f"{words}: {value}"


def _unpacked(kept_path: str) -> Iterator[bytes]:
    with kept_files.opener(kept_path)() as stream:
        yield from iter(partial(stream.read, BLOCK), b"")
