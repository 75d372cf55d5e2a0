"""The upload: choose files, see what they would do, confirm, see what they did.

Each step is a POST that redirects to the upload's page, which shows the step it has reached.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from metrics import upload_parts, upload_work, uploads
from metrics.forms import UploadForm
from metrics.kind_labels import kind_label
from metrics.upload_figures import figures_shown
from metrics.uploads import PREVIEW, TAKE_IN, Upload
from portal import jobs
from portal.models import Job
from seats.models import Account

PERMISSION = "portal.add_reportfile"
SUGGESTED_ACCOUNTS = 500
WORKER_COMES_WITHIN = timedelta(minutes=1)

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """A page of the admin for whoever may add files."""

    @wraps(view)
    def allowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    wrapped: View = admin.site.admin_view(allowed)
    return wrapped


def of_sender(view: View) -> View:
    """The view gets the upload of the token; nobody but its sender finds it."""

    @wraps(view)
    def found(request: HttpRequest, token: str) -> HttpResponse:
        upload = uploads.find(token, request.user)
        if upload is None:
            raise Http404("No such upload: it was removed, or sent by somebody else.")
        return view(request, upload)

    return found


# The token against forgery is in the body: whether this user may send one, and one of this size, is
# asked before the body is read.
@page
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        limit = settings.MAX_UPLOAD_MB * 1024 * 1024
        if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            messages.error(request, f"Together these files are larger than {settings.MAX_UPLOAD_MB} MB.")
            return redirect("metrics:upload")
    return _upload(request)


@csrf_protect
def _upload(request: HttpRequest) -> HttpResponse:
    is_sent = request.method == "POST"
    form = UploadForm(request.POST, request.FILES) if is_sent else UploadForm()
    if is_sent and form.is_valid():
        received = uploads.receive(form.cleaned_data["report_files"], form.options(), request.user)
        uploads.start(received, PREVIEW, request.user)
        return _to_page(received)
    return _render(
        request,
        "metrics/upload.html",
        "Upload files",
        form=form,
        unfinished=upload_parts.of_user(request.user),
        waiting=uploads.of_user(request.user),
        kept_hours=uploads.KEEP // timedelta(hours=1),
        part_bytes=upload_parts.PART_BYTES,
        max_megabytes=settings.MAX_UPLOAD_MB,
        organizations=_logins(Account.Kind.ORGANIZATION),
        enterprises=_logins(Account.Kind.ENTERPRISE),
    )


@page
@require_safe
@of_sender
def upload_detail(request: HttpRequest, upload: Upload) -> HttpResponse:
    """The step the upload has reached: working, preview, failed or result."""
    job = upload.job()
    if job is not None and job.is_live:
        title = "Taking in" if job.kind == TAKE_IN else "Reading"
        return _render(
            request,
            "metrics/upload_progress.html",
            title,
            upload=upload,
            job=job,
            how_far=_how_far(job),
            counts=_counts(job),
        )
    if (result := upload.answer(TAKE_IN)) is not None:
        return _render_files(request, "metrics/upload_result.html", "Taken in", upload, result, job=job)
    if (preview := upload.answer(PREVIEW)) is not None:
        return _render_files(request, "metrics/upload_preview.html", "Preview", upload, preview, job=job)
    return _render(request, "metrics/upload_failed.html", "Upload", upload=upload, job=job)


@page
@require_safe
@of_sender
def upload_progress(request: HttpRequest, upload: Upload) -> HttpResponse:
    """For the page that waits."""
    job = upload.job()
    if job is None:
        return JsonResponse({"is_live": False})
    return JsonResponse(
        {"is_live": job.is_live, "percent": job.percent, "text": _how_far(job), "counts": _counts(job)}
    )


@page
@require_POST
@of_sender
def upload_preview(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Look again, after the first look failed or was stopped."""
    uploads.start(upload, PREVIEW, request.user)
    return _to_page(upload)


@page
@require_POST
@of_sender
def upload_confirm(request: HttpRequest, upload: Upload) -> HttpResponse:
    if upload.answer(PREVIEW) is not None:
        uploads.start(upload, TAKE_IN, request.user)
    return _to_page(upload)


@page
@require_POST
@of_sender
def upload_stop(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Stop the work on it. What was taken in stays in; the rest waits for another try."""
    job = upload.job()
    if job is not None:
        jobs.cancel(job, request.user)
    return _to_page(upload)


@page
@require_POST
@of_sender
def upload_discard(request: HttpRequest, upload: Upload) -> HttpResponse:
    job = upload.job()
    if job is not None and job.is_live:
        messages.warning(request, "Stop the work on it first.")
        return _to_page(upload)
    upload.remove()
    messages.info(request, "Cancelled. The uploaded files were removed; nothing was taken in.")
    return redirect("metrics:upload")


def _to_page(upload: Upload) -> HttpResponse:
    return redirect("metrics:upload_detail", upload.token)


def _how_far(job: Job) -> str:
    if job.state == Job.State.QUEUED:
        waited = timezone.now() - job.created_at
        if waited < WORKER_COMES_WITHIN:
            return "Waiting for the background worker."
        minutes = int(waited.total_seconds() // 60)
        return f"No background worker has come for {minutes} min: is `manage.py run_worker` running?"
    if job.note:
        return job.note
    if job.percent is None:
        return f"{job.progress_done:,} records read"
    return f"{job.percent} %"


def _counts(job: Job) -> dict[str, str]:
    """What a running job has counted so far, as the page shows it."""
    told = job.tally if job.state == Job.State.RUNNING else {}
    return {
        "rows": f"{told.get('rows_read', 0):,}",
        "rejected": f"{told.get('rows_rejected', 0):,}",
        "rate": f"{told.get('rows_a_second', 0):,}",
        "files": str(told.get("files", "")),
    }


def _logins(kind: str) -> list[str]:
    known = Account.objects.filter(kind=kind).exclude(login="").order_by("login_key")
    return list(known.values_list("login", flat=True)[:SUGGESTED_ACCOUNTS])


def _render_files(
    request: HttpRequest,
    template: str,
    title: str,
    upload: Upload,
    answer: dict[str, Any],
    *,
    job: Job | None,
) -> HttpResponse:
    files, figures = answer["files"], answer["figures"]
    for file in files:
        file["kind_label"] = kind_label(file["kind"])
    readable = [file for file in files if not file["error"]]
    counts = [file["counts"] for file in readable]
    return _render(
        request,
        template,
        title,
        upload=upload,
        job=job,
        files=files,
        readable=readable,
        refused=len(files) - len(readable),
        is_part=any(upload_work.is_part(file) for file in files),
        to_write=sum(count["rows_new"] + count["rows_changed"] for count in counts),
        rejected=sum(count["rows_rejected"] for count in counts),
        going=sum(file["ended_total"] + file["removed_total"] for file in readable),
        figures=figures_shown(figures) if figures else None,
    )


def _render(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return TemplateResponse(
        request, template, {**admin.site.each_context(request), "title": title, **context}
    )
