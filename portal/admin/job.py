"""Jobs: what runs, how far it is, what went wrong, and a way to stop it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from portal import jobs
from portal.admin.base import NOTHING, ReadOnlyAdmin, few, moment
from portal.admin.subjects import SubjectColumn
from portal.models import Job


@admin.register(Job)
class JobAdmin(SubjectColumn, ReadOnlyAdmin):
    list_title = "Background jobs"
    list_display = ["kind_in_words", "about", "state_label", "progress", "created", "created_by", "error"]
    list_filter = [("state", ChoicesDropdownFilter)]
    list_select_related = ["created_by"]
    search_fields = ["kind", "subject", "error"]
    search_help_text = "Kind, subject or error"
    ordering = ["-id"]
    sortable_by: list[str] = []
    actions = ["cancel_jobs"]
    readonly_fields = ["kind_in_words", "about", "progress"]
    fieldsets = [
        (None, {"fields": ["kind_in_words", "about", "state", "progress", "error"]}),
        (
            "The run",
            {
                "fields": [
                    ("attempts", "cancel_requested"),
                    ("created_at", "created_by"),
                    ("started_at", "heartbeat_at", "finished_at"),
                    "arguments",
                    "tally",
                ]
            },
        ),
    ]

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        # Nobody edits a job, so the right to change one is the right to stop it.
        return request.user.has_perm("portal.change_job")

    @display(description="job", ordering="kind")
    def kind_in_words(self, job: Job) -> str:
        return job.kind.replace("-", " ").capitalize()

    @display(description="about")
    def about(self, job: Job) -> str:
        names = job.arguments.get("names")
        return few(names) if names else super().about(job)

    @display(
        description="state",
        label={"queued": "info", "running": "primary", "done": "success", "failed": "danger"},
    )
    def state_label(self, job: Job) -> tuple[str, str]:
        state = "stopping" if job.state == Job.State.RUNNING and job.cancel_requested else job.state
        return job.state, state

    @display(description="created")
    def created(self, job: Job) -> str:
        return moment(job.created_at)

    @display(description="progress")
    def progress(self, job: Job) -> str:
        if job.state == Job.State.DONE:
            return "100 %"
        if not job.is_live or job.percent is None:
            return f"{job.progress_done:,}" if job.progress_done else NOTHING
        return format_html(
            '<progress class="portal-progress" max="100" value="{0}" aria-label="Progress"></progress> {0} %',
            job.percent,
        )

    @action(description="Cancel selected jobs", permissions=["cancel"])
    def cancel_jobs(self, request: HttpRequest, queryset: Any) -> None:
        stopped = sum(jobs.cancel(job, request.user) for job in queryset)
        over = queryset.count() - stopped
        if stopped:
            messages.success(request, f"{stopped} told to stop; a running job stops after its current batch.")
        if over:
            messages.info(request, f"{over} had already ended.")
