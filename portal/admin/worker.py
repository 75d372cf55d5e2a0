"""Workers: which live, and how busy they are."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils import timezone
from unfold.decorators import display

from portal.admin.base import ReadOnlyAdmin, moment
from portal.models import WorkerHeartbeat
from portal.models.worker_heartbeat import GONE_AFTER


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_title = "Background workers"
    empty_title = "No worker has been seen"
    empty_note = "Nothing is fetched in the background until one runs: start manage.py run_worker."
    filled_through = ()
    list_display: ClassVar[list[str]] = ["host", "pid", "state_label", "busy_of", "seen", "started"]
    ordering: ClassVar[list[str]] = ["-seen_at"]
    sortable_by: ClassVar[list[str]] = []
    fields: ClassVar[list[str]] = ["host", "pid", "state_label", "busy_of", "seen", "started"]
    readonly_fields: ClassVar[list[str]] = ["state_label", "busy_of", "seen", "started"]

    @display(description="state", label={"at work": "success", "gone": "danger"})
    def state_label(self, worker: WorkerHeartbeat) -> str:
        return "at work" if worker.seen_at > timezone.now() - GONE_AFTER else "gone"

    @display(description="busy")
    def busy_of(self, worker: WorkerHeartbeat) -> str:
        return f"{worker.busy} of {worker.workers}"

    @display(description="last seen")
    def seen(self, worker: WorkerHeartbeat) -> str:
        return moment(worker.seen_at)

    @display(description="at work since")
    def started(self, worker: WorkerHeartbeat) -> str:
        return moment(worker.started_at)
