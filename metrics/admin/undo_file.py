"""The page that says what undoing a file would do, and does it for whoever may."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from metrics.kind_labels import kind_label
from metrics.undo.preview import Preview, preview
from portal import jobs
from portal.models import Job, ReportFile

SHOWN_FIGURES = 60
KIND = "undo file"


class UndoPage:
    """Mixed into the admin of report files."""

    # Of the admin it is mixed into.
    admin_site: Any

    def has_undo_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("portal.undo_reportfile"))

    @action(description="Undo…", url_path="undo", permissions=["undo"], icon="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        file = ReportFile.objects.filter(pk=object_id).select_related("received_by").first()
        if file is None:
            raise Http404
        page = reverse("admin:portal_reportfile_change", args=[file.pk])
        if file.state == ReportFile.State.UNDONE:
            messages.info(request, "This file is undone already: nothing of it is left.")
            return redirect(page)
        if request.method == "POST":
            return self._start(request, file)
        return self._ask(request, file, preview(file))

    def _start(self, request: HttpRequest, file: ReportFile) -> HttpResponse:
        seen = Preview(file)
        if seen.must_be_sure and request.POST.get("word", "").strip().lower() != seen.word:
            messages.error(request, f"Write “{seen.word}” to undo so many rows. Nothing was undone.")
            return redirect(request.get_full_path())
        arguments = {"file": file.pk}
        begin = jobs.enqueue if seen.must_be_sure else jobs.run_here
        job = begin(KIND, f"file:{file.pk}", "metrics.tasks.undo_file", arguments, request.user)
        if job.state == Job.State.DONE:
            messages.success(request, "The file is undone: what the others tell stands again.")
        elif job.is_live:
            messages.info(request, "A worker is undoing it: this is its job.")
            return redirect("admin:portal_job_change", job.pk)
        else:
            messages.error(request, job.error)
        return redirect("admin:portal_reportfile_change", file.pk)

    def _ask(self, request: HttpRequest, file: ReportFile, seen: Preview) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Undo {file.name}",
            "file": file,
            "kind": kind_label(file.kind),
            "seen": seen,
            "figures": seen.figures[:SHOWN_FIGURES],
            "further": max(0, len(seen.figures) - SHOWN_FIGURES),
            "page": reverse("admin:portal_reportfile_change", args=[file.pk]),
            "opts": ReportFile._meta,
        }
        return TemplateResponse(request, "admin/portal/reportfile/undo.html", context)
