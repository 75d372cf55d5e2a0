"""Batches: seats proposed together, approved, taken back; each with what it is and what happens next."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display

from portal.admin.job import how_far, in_words, live_part, nobody_works, state_of
from portal.models import Job
from seats.admin.base import NOTHING, NullsLastChangeList, ReadOnlyAdmin, moment
from seats.admin.batch_counts import counts_of
from seats.admin.batch_rows import rows_of
from seats.admin.batch_steps import BatchSteps, newest_job
from seats.admin.batch_story import figures, refusals, trail, what_is_next, what_it_is, who_is
from seats.admin.filters import AutocompleteFilter
from seats.models import RevocationBatch
from seats.reclaim import approve

COLOURS = {
    "proposed": "warning", "half_approved": "warning", "approved": "info", "executing": "primary",
    "stopped": "danger", "done": "success", "withdrawn": "default", "expired": "default",
}  # fmt: skip


class BatchAccountFilter(AutocompleteFilter):
    """An enterprise's own batches and those of its organizations."""

    title = "organization or enterprise"
    parameter_name = "account"
    source = (RevocationBatch, "account")

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RevocationBatch]
    ) -> QuerySet[RevocationBatch]:
        key = self.key()
        return queryset if key is None else queryset.filter(Q(account=key) | Q(account__parent=key))


class BatchChangeList(NullsLastChangeList):
    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        counts = counts_of(self.result_list)
        for batch in self.result_list:
            batch.counts = counts[batch.pk]


@admin.register(RevocationBatch)
class RevocationBatchAdmin(BatchSteps, ReadOnlyAdmin):
    list_title = "Batches"
    empty_title = "No batch yet"
    empty_note = (
        "A batch is a frozen choice of inactive seats: it is proposed, approved by somebody, executed, and "
        "verified by GitHub's next seat list. Nothing is asked of GitHub before it is executed."
    )
    filled_through = ()
    list_display: ClassVar[list[str]] = [
        "name", "organization", "state_label", "seats", "taken_back", "refused", "saving", "proposed",
        "approved", "how",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["-id"]
    list_filter: ClassVar[list[Any]] = [
        ("state", ChoicesDropdownFilter), BatchAccountFilter, ("is_automatic", BooleanRadioFilter),
    ]  # fmt: skip
    list_select_related: ClassVar[list[str]] = [
        "account", "proposed_by", "approved_by", "second_approved_by",
    ]  # fmt: skip
    search_fields: ClassVar[list[str]] = ["reason", "account__login_key", "proposed_by__username"]
    search_help_text = "Organization, person or reason"
    change_form_outer_before_template = "admin/seats/revocationbatch/steps.html"
    change_form_outer_after_template = "admin/seats/revocationbatch/story.html"
    readonly_fields: ClassVar[list[str]] = [
        "account_link", "reason", "proposed", "approved_with_reason", "second", "executed", "says",
        "frozen_as",
    ]  # fmt: skip

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/batch.css"]}
        js: ClassVar[list[str]] = ["portal/jobs.js"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BatchChangeList]:
        return BatchChangeList

    # --- Columns --------------------------------------------------------------------------------

    @display(description="batch", ordering="id")
    def name(self, batch: RevocationBatch) -> str:
        return f"Batch {batch.pk}"

    @display(description="organization", ordering="account__login_key")
    def organization(self, batch: RevocationBatch) -> str:
        return batch.account.label

    @display(description="state", ordering="state", label=COLOURS)
    def state_label(self, batch: RevocationBatch) -> tuple[str, str]:
        return batch.state, batch.get_state_display()

    @display(description="seats")
    def seats(self, batch: Any) -> str:
        return f"{batch.counts.seats:,}"

    @display(description="taken back")
    def taken_back(self, batch: Any) -> str:
        return f"{batch.counts.taken_back:,}"

    @display(description="refused")
    def refused(self, batch: Any) -> str:
        return f"{batch.counts.refused:,}"

    @display(description="saves a month")
    def saving(self, batch: Any) -> str:
        return str(batch.counts.saving)

    @display(description="proposed", ordering="proposed_at")
    def proposed(self, batch: RevocationBatch) -> str:
        return f"{moment(batch.proposed_at)}, {who_is(batch.proposed_by)}"

    @display(description="approved by", ordering="approved_at")
    def approved(self, batch: RevocationBatch) -> str:
        if batch.approved_at is None:
            return NOTHING
        second = f", {who_is(batch.second_approved_by)}" if batch.second_approved_at else ""
        return f"{who_is(batch.approved_by)}{second}"

    @display(description="decided by", ordering="is_automatic")
    def how(self, batch: RevocationBatch) -> str:
        return "the policy" if batch.is_automatic else "people"

    # --- One batch ------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: RevocationBatch | None = None) -> Any:
        """Without the lines that have nothing to say of it yet."""
        if obj is None:
            return []
        empty = set()
        if obj.approved_at is None:
            empty.add("approved_with_reason")
        if obj.second_approved_at is None:
            empty.add("second")
        if obj.started_at is None:
            empty.add("executed")
        if not obj.says:
            empty.add("says")
        if not obj.reason:
            empty.add("reason")
        fields = [name for name in self.readonly_fields if name not in empty]
        return [("What was decided", {"fields": fields})]

    @display(description="account")
    def account_link(self, batch: RevocationBatch) -> str:
        url = reverse("admin:seats_account_change", args=[batch.account_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, batch.account.label)

    @display(description="approved")
    def approved_with_reason(self, batch: RevocationBatch) -> str:
        return f"{moment(batch.approved_at)}, {who_is(batch.approved_by)}: {batch.approval_reason or NOTHING}"

    @display(description="second approval")
    def second(self, batch: RevocationBatch) -> str:
        return f"{moment(batch.second_approved_at)}, {who_is(batch.second_approved_by)}"

    @display(description="executed")
    def executed(self, batch: RevocationBatch) -> str:
        if batch.finished_at is None:
            return f"begun {moment(batch.started_at)}"
        return f"{moment(batch.started_at)} to {moment(batch.finished_at)}"

    @display(description="frozen as")
    def frozen_as(self, batch: RevocationBatch) -> str:
        return format_html('<span class="portal-value">{}</span> (SHA-256 of the selection)', batch.digest)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        batch = self.get_object(request, object_id)
        context: dict[str, Any] = {"show_save": False, "show_close": False}
        if batch is not None and self.has_view_permission(request, batch):
            context |= self._page(request, batch)
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )
        return response

    def _page(self, request: HttpRequest, batch: RevocationBatch) -> dict[str, Any]:
        counts = counts_of([batch])[batch.pk]
        job = newest_job(batch)
        second = batch.state == RevocationBatch.State.PROPOSED and approve.needs(batch).second_person
        is_live = job is not None and job.is_live
        rows = rows_of(batch, counts, request)
        may_give_back = self.has_reinstate_permission(request) and rows.any_can_be_given_back
        return {
            "batch": batch,
            "what_it_is": what_it_is(batch, counts),
            "what_is_next": what_is_next(batch, counts, second_person=second, is_live=is_live),
            "why_stopped": batch.says if batch.state == RevocationBatch.State.STOPPED else "",
            "steps": self.steps(request, batch, counts, job),
            "job": _job_parts(batch, job) if job is not None and is_live else None,
            "figures": figures(batch, counts),
            "rows": rows,
            "may_give_back": may_give_back,
            "refusals": refusals(batch),
            "trail": trail(batch, request.user),
        }


def _job_parts(batch: RevocationBatch, job: Job) -> dict[str, Any]:
    """What a live job shows, kept up to date by the script; the page is loaded anew when it is over."""
    url = reverse("admin:seats_revocationbatch_progress", args=[batch.pk])
    return {
        "pk": job.pk,
        "nobody_works": job.state == Job.State.QUEUED and nobody_works(),
        "state": live_part(job, "state", state_of(job), url),
        "progress": live_part(job, "progress", how_far(job), url),
        "says": live_part(job, "says", in_words(job), url),
    }
