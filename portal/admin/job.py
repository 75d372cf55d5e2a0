"""Jobs: what runs, how far it is, what came of it, what went wrong, and ways to stop it and run it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display
from unfold.utils import display_for_label

from portal import jobs
from portal.admin.base import NOTHING, ReadOnlyAdmin, few, moment
from portal.admin.paginator import CappedPaginator
from portal.admin.subjects import SubjectColumn
from portal.admin.tally import tally_table
from portal.models import Job, WorkerHeartbeat

COLOURS = {
    "queued": "info",
    "waiting": "warning",
    "running": "primary",
    "stopping": "warning",
    "done": "success",
    "failed": "danger",
    "cancelled": "",
}
# What may be done once more after it went well: asking GitHub again changes nothing that is right.
REPEATABLE = ("sync-", "backfill-")
ASKED_AT_ONCE = 100
# Arguments that say again what a job is, and about whom.
TOLD_BY_NAME = ("step", "account", "seat", "day", "names")


class KindFilter(DropdownFilter):
    """A backfill makes a job for each day, among which the others would not be found."""

    title = "job"
    parameter_name = "job"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("sync", "Sync"), ("backfill", "Backfill"), ("other", "Others")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        match self.value():
            case "sync" | "backfill" as begin:
                return queryset.filter(kind__startswith=f"{begin}-")
            case "other":
                return queryset.exclude(kind__startswith="sync-").exclude(kind__startswith="backfill-")
            case _:
                return queryset


@admin.register(Job)
class JobAdmin(SubjectColumn, ReadOnlyAdmin):
    list_title = "Jobs"
    empty_title = "No jobs yet"
    empty_note = "What is fetched or taken in is listed here, while it runs and afterwards."
    filled_through = ()
    list_display: ClassVar[list[str]] = [
        "kind_in_words", "about", "state_label", "progress", "created", "created_by", "says",
    ]  # fmt: skip
    list_filter: ClassVar[list[Any]] = [KindFilter, ("state", ChoicesDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["created_by"]
    paginator = CappedPaginator
    search_fields: ClassVar[list[str]] = ["kind", "subject", "error"]
    search_help_text = "Kind, subject or error"
    ordering: ClassVar[list[str]] = ["-id"]
    sortable_by: ClassVar[list[str]] = []
    actions: ClassVar[list[str]] = ["cancel_jobs", "run_jobs_again"]
    change_form_outer_before_template = "admin/portal/job/steer.html"
    readonly_fields: ClassVar[list[str]] = [
        "kind_in_words", "about", "state_label", "progress", "says", "created", "started", "finished",
        "last_sign", "worker_name", "asked", "came_of_it",
    ]  # fmt: skip

    class Media:
        js: ClassVar[list[str]] = ["portal/jobs.js"]

    # --- Pages ----------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> Any:
        """Without the lines that have nothing to say of this job."""
        if obj is None:
            return []
        # The script fills in what a live job has to say.
        says = ["says"] if obj.is_live or obj.error else []
        asked = ["asked"] if _asked(obj) else []
        run = [("created", "created_by"), ("started", "finished"), ("last_sign", "worker_name"), "attempts"]
        return [
            (None, {"fields": ["kind_in_words", "about", "state_label", "progress", *says]}),
            *([("What came of it", {"fields": ["came_of_it"]})] if obj.tally else []),
            ("The run", {"fields": [*run, *asked]}),
        ]

    def row_title(self, row: Job) -> str:
        return f"{self.kind_in_words(row)}: {self.about(row)}"

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("progress/", guarded(require_safe(self.progress_view)), name="portal_job_progress"),
            path("<int:pk>/cancel/", guarded(require_POST(self.cancel_view)), name="portal_job_cancel"),
            path("<int:pk>/again/", guarded(require_POST(self.again_view)), name="portal_job_again"),
            *super().get_urls(),
        ]

    def page_context(self, request: HttpRequest, row: Job | None) -> dict[str, Any]:
        context: dict[str, Any] = {}
        if row is not None:
            may_steer = self.has_steer_permission(request)
            context = {
                "job": row,
                "nobody_works": row.state == Job.State.QUEUED and nobody_works(),
                "may_cancel": may_steer and row.is_live and not row.cancel_requested,
                "again_label": again_label(row) if may_steer else "",
            }
        return context

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """For pages that show live jobs: what has become of those with the `id`s asked for."""
        if not self.has_view_permission(request):
            return HttpResponseForbidden("You may not see jobs.", content_type="text/plain")
        wanted = [
            int(pk) for pk in request.GET.getlist("id")[:ASKED_AT_ONCE] if pk.isdecimal() and len(pk) < 19
        ]
        return progress_of(Job.objects.filter(pk__in=wanted))

    # --- Steering -------------------------------------------------------------------------------

    def has_steer_permission(self, request: HttpRequest) -> bool:
        # Nobody edits a job, so the right to change one is the right to stop it and to run it again.
        return request.user.has_perm("portal.change_job")

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_steer_permission(request):
            return HttpResponseForbidden("You may not stop jobs.", content_type="text/plain")
        job = get_object_or_404(Job, pk=pk)
        if jobs.cancel(job, request.user):
            job.refresh_from_db()
            said = "It was told to stop, and does so after its current batch."
            messages.success(request, said if job.is_live else "It is cancelled.")
        else:
            messages.info(request, "It had already ended.")
        return redirect("admin:portal_job_change", pk)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_steer_permission(request):
            return HttpResponseForbidden("You may not run jobs.", content_type="text/plain")
        job = get_object_or_404(Job, pk=pk)
        if not again_label(job):
            messages.info(request, "There is nothing to run again.")
            return redirect("admin:portal_job_change", pk)
        again = jobs.run_again(job, request.user)
        messages.success(request, "It is in the queue; this is its new run.")
        return redirect("admin:portal_job_change", again.pk)

    @action(description="Cancel selected jobs", permissions=["steer"])
    def cancel_jobs(self, request: HttpRequest, queryset: Any) -> None:
        stopped = sum(jobs.cancel(job, request.user) for job in queryset)
        over = queryset.count() - stopped
        if stopped:
            messages.success(request, f"{stopped} told to stop; a running job stops after its current batch.")
        if over:
            messages.info(request, f"{over} had already ended.")

    @action(description="Run selected jobs again", permissions=["steer"])
    def run_jobs_again(self, request: HttpRequest, queryset: Any) -> None:
        fit = [job for job in queryset if again_label(job)]
        for job in fit:
            jobs.run_again(job, request.user)
        if fit:
            messages.success(request, f"{len(fit)} in the queue once more.")
        if others := len(queryset) - len(fit):
            messages.info(request, f"{others} left alone: still live, or done and not to be done twice.")

    # --- Columns --------------------------------------------------------------------------------

    @display(description="job", ordering="kind")
    def kind_in_words(self, job: Job) -> str:
        return job.kind.replace("-", " ").capitalize()

    @display(description="about")
    def about(self, job: Job) -> str:
        names = job.arguments.get("names")
        return few(names) if names else super().about(job)

    @display(description="state")
    def state_label(self, job: Job) -> str:
        return live_part(job, "state", state_of(job))

    @display(description="created")
    def created(self, job: Job) -> str:
        return moment(job.created_at)

    @display(description="started")
    def started(self, job: Job) -> str:
        return moment(job.started_at)

    @display(description="finished")
    def finished(self, job: Job) -> str:
        return moment(job.finished_at)

    @display(description="last sign of life")
    def last_sign(self, job: Job) -> str:
        return moment(job.heartbeat_at)

    @display(description="worker")
    def worker_name(self, job: Job) -> str:
        host, _, process = job.worker.rpartition(":")
        return f"{host}, process {process}" if host else NOTHING

    @display(description="progress")
    def progress(self, job: Job) -> str:
        return live_part(job, "progress", how_far(job))

    @display(description="message")
    def says(self, job: Job) -> str:
        return live_part(job, "says", in_words(job))

    @display(description="asked")
    def asked(self, job: Job) -> str:
        return tally_table(_asked(job))

    @display(description="figures")
    def came_of_it(self, job: Job) -> str:
        return tally_table(job.tally)


def syncs_url() -> str:
    """The list of jobs, those of a sync only."""
    return f"{reverse('admin:portal_job_changelist')}?job=sync"


def started(count: int) -> SafeString:
    """What somebody reads who had GitHub asked now."""
    return format_html(
        'GitHub is being asked: {} queued or running. <a class="portal-link" href="{}">See the jobs</a>',
        "1 job is" if count == 1 else f"{count} jobs are",
        syncs_url(),
    )


def _asked(job: Job) -> dict[str, Any]:
    """What was asked of it beyond what its name and its subject tell."""
    return {name: value for name, value in job.arguments.items() if name not in TOLD_BY_NAME}


def nobody_works() -> bool:
    return not WorkerHeartbeat.objects.alive(timezone.now()).exists()


def live_part(job: Job, name: str, html: str, url: str = "") -> SafeString:
    """A part of the page that the script keeps up to date while the job is live.

    `url` answers how far it is, with `progress_of`; without one, the page of jobs does.
    """
    if not job.is_live:
        return format_html("{}", html)
    return format_html(
        '<span data-job="{}" data-job-part="{}" data-job-url="{}">{}</span>',
        job.pk,
        name,
        url or reverse("admin:portal_job_progress"),
        html,
    )


def progress_of(found: Iterable[Job]) -> JsonResponse:
    """What the script is told of live jobs."""
    return JsonResponse(
        {
            "jobs": {
                str(job.pk): {
                    "is_live": job.is_live,
                    "state": state_of(job),
                    "progress": how_far(job),
                    "says": in_words(job),
                }
                for job in found
            }
        }
    )


def state_of(job: Job) -> SafeString:
    """The state as a coloured label."""
    state: str = job.state
    if job.state == Job.State.RUNNING and job.cancel_requested:
        state = "stopping"
    elif job.is_waiting:
        state = "waiting"
    label: SafeString = display_for_label((state, state), NOTHING, COLOURS)
    return label


def how_far(job: Job) -> str:
    """A bar where the total is known, else a count."""
    if job.state == Job.State.DONE:
        return "100 %"
    if not job.is_live or job.percent is None:
        return f"{job.progress_done:,}" if job.progress_done else NOTHING
    return format_html(
        '<progress class="portal-progress" max="100" value="{0}" aria-label="Progress"></progress> {0} %',
        job.percent,
    )


def in_words(job: Job) -> str:
    """What it is at, what it waits for, or why it did not do its work."""
    if job.is_waiting:
        return format_html("Waits until {}. {}", moment(job.run_after), job.error)
    if job.state == Job.State.RUNNING:
        return format_html("{}", job.note or NOTHING)
    return format_html("{}", job.error or NOTHING)


def again_label(job: Job) -> str:
    """What the button says that runs it once more; nothing where it must not be."""
    if job.is_live:
        return ""
    if job.state == Job.State.DONE:
        return "Run again" if job.kind.startswith(REPEATABLE) else ""
    return "Resume" if job.progress_done else "Run again"
