"""Where a row comes from, in words with links: the file, what it is, when it was true, and who brought it."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.admin.base import NOTHING, moment
from portal.models import Job, ReportFile

SHOWN_OF_SHA256 = 12


def link_to_file(file: ReportFile | None) -> str:
    """The file by its name, with the way to its page."""
    if file is None:
        return NOTHING
    url = reverse("admin:portal_reportfile_change", args=[file.pk])
    return format_html('<a class="portal-link" href="{}">{}</a>', url, file.name)


def origin(file: ReportFile | None, kind: str = "", line: int | None = None) -> str:
    """All that is known of where a row of this file comes from; `kind` in words."""
    if file is None:
        return NOTHING
    said: list[tuple[str | SafeString]] = [
        (link_to_file(file),),
        (kind or file.kind,),
        (format_html("sha256 <code>{}…</code>", file.sha256[:SHOWN_OF_SHA256]),),
    ]
    if line is not None:
        said.insert(1, (f"line {line:,}",))
    if file.observed_at:
        said.append((f"as of {moment(file.observed_at)}",))
    said.append((brought(file),))
    return format_html_join(", ", "{}", said)


def brought(file: ReportFile) -> str:
    """How it came and by whom: by a person, by a job of a connection, by the command line, from the inbox."""
    how = file.get_source_display()
    by = f" by {file.received_by}" if file.received_by else ""
    at = moment(file.received_at)
    if (job := job_of(file)) is not None:
        url = reverse("admin:portal_job_change", args=[job.pk])
        return format_html(
            '{}{} on {} (<a class="portal-link" href="{}">job {}</a>)', how, by, at, url, job.pk
        )
    return f"{how}{by} on {at}"


def job_of(file: ReportFile) -> Job | None:
    """The job that was at work on the account, or on the upload, when the file came; None: none is kept."""
    if file.source == ReportFile.Source.COMMAND:
        return None
    at = file.received_at
    running = Job.objects.filter(started_at__lte=at).filter(Q(finished_at__gte=at) | Q(finished_at=None))
    if file.source == ReportFile.Source.DOWNLOAD:
        running = running.filter(Q(subject=file.subject) | Q(subject__startswith=f"{file.subject} "))
    elif file.source == ReportFile.Source.UPLOAD:
        running = running.filter(subject__startswith="upload:", created_by=file.received_by)
    else:
        return None
    return running.order_by("-started_at").first()
