"""What can be done with a batch: each step a page that asks, its own permission, and a POST that does it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from portal import jobs
from portal.admin.job import progress_of
from portal.cards import Cell, Table
from portal.models import AuditEntry, Job
from portal.reports import registry, writers
from portal.reports.base import ReportQuery
from seats.admin.batch_counts import BatchCounts, counts_of
from seats.admin.batch_forms import ApproveForm, ReasonForm
from seats.admin.batch_story import by_brake, seats
from seats.models import Revocation, RevocationBatch
from seats.models.revocation import RevocationQuerySet
from seats.policy_sql import today
from seats.reclaim import approve, reinstate, revoke
from seats.reclaim.refusals import Brake, Refusal, Refused

Batch = RevocationBatch.State
UNDECIDED = (Batch.PROPOSED, Batch.HALF_APPROVED)
# A batch whose job is over is stopped soon; until then, too, it can go on.
TO_EXECUTE = (Batch.APPROVED, Batch.STOPPED, Batch.EXECUTING)
AT_REST = (*UNDECIDED, Batch.APPROVED, Batch.STOPPED)
KINDS = (revoke.KIND, reinstate.KIND)
CHECKED_ONCE_MORE = (
    "Each seat is read from GitHub first and checked once more: whoever came back to life, was exempted, or "
    "is otherwise not as approved any more, keeps the seat. It can be stopped at any time."
)
# A page names this many people; the rest it counts.
NAMED = 20


@dataclass(frozen=True, slots=True)
class Step:
    """A button: it opens a page that asks, or does something that needs no asking."""

    label: str
    url: str
    posts: bool = False
    is_next: bool = False


class BatchSteps:
    """Mixed into the admin of batches."""

    admin_site: Any
    media: Any

    def get_urls(self) -> list[URLPattern]:
        def one(name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
            route = f"<int:pk>/{name.replace('_', '-')}/"
            guarded: Callable[..., HttpResponseBase] = self.admin_site.admin_view(view)
            return path(route, guarded, name=f"seats_revocationbatch_{name}")

        mine = [
            one("progress", require_safe(self.progress_view)),
            one("dry_run", require_POST(self.dry_run_view)),
            one("approve", self.approve_view),
            one("withdraw", self.withdraw_view),
            one("execute", self.execute_view),
            one("stop", require_POST(self.stop_view)),
            one("give_back", self.give_back_view),
            one("export", require_safe(self.export_view)),
        ]
        return [*mine, *super().get_urls()]  # type: ignore[misc]

    # --- Who may --------------------------------------------------------------------------------

    def has_propose_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.propose_revocationbatch")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.approve_revocationbatch")

    def has_execute_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.execute_revocationbatch")

    def has_reinstate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.reinstate_revocationbatch")

    def has_withdraw_permission(self, request: HttpRequest, batch: RevocationBatch) -> bool:
        """Whoever may approve, and whoever proposed it."""
        is_own = batch.proposed_by_id is not None and batch.proposed_by_id == request.user.pk
        return self.has_approve_permission(request) or (is_own and self.has_propose_permission(request))

    def has_dry_run_permission(self, request: HttpRequest) -> bool:
        return (
            self.has_propose_permission(request)
            or self.has_approve_permission(request)
            or self.has_execute_permission(request)
        )

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.view_revocation")

    def steps(
        self, request: HttpRequest, batch: RevocationBatch, counts: BatchCounts, job: Job | None
    ) -> list[Step]:
        """The buttons of a batch in its state, for this user; the next step first."""

        def url(name: str) -> str:
            return reverse(f"admin:seats_revocationbatch_{name}", args=[batch.pk])

        state, is_live = batch.state, job is not None and job.is_live
        offered = []
        if state in UNDECIDED and self.has_approve_permission(request):
            offered.append(Step("Approve…", url("approve"), is_next=True))
        if state in TO_EXECUTE and not is_live and self.has_execute_permission(request):
            offered.append(Step("Execute…", url("execute"), is_next=True))
        if is_live and self.has_execute_permission(request):
            offered.append(Step("Stop", url("stop"), posts=True))
        if state in AT_REST and not is_live:
            if self.has_dry_run_permission(request):
                offered.append(Step("Dry run", url("dry_run"), posts=True))
            if self.has_withdraw_permission(request, batch):
                offered.append(Step("Withdraw…", url("withdraw")))
        may_give_back = counts.taken_back and not is_live and self.has_reinstate_permission(request)
        lasting = batch.revocations.filter(pending_cancellation_date__gt=today())
        if may_give_back and lasting.filter(state__in=reinstate.TAKEN).exists():
            offered.append(Step("Give back…", url("give_back")))
        if self.has_export_permission(request):
            offered.append(Step("Export CSV", url("export")))
        return offered

    # --- Looking --------------------------------------------------------------------------------

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For the script: how far the batch's jobs are."""
        batch = self._batch(request, pk, may=True)
        return progress_of(Job.objects.filter(kind__in=KINDS, subject=batch.subject).order_by("-id")[:5])

    def dry_run_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Every seat that is still to do is checked again; nothing is written, and nothing asked."""
        batch = self._batch(request, pk, may=self.has_dry_run_permission(request))
        checked = revoke.dry_run(batch)
        refused: dict[str, list[tuple[Revocation, Refusal]]] = defaultdict(list)
        for revocation, refusal in checked:
            if refusal is not None:
                refused[refusal.brake].append((revocation, refusal))
        count = sum(map(len, refused.values()))
        return self._show(
            request,
            batch,
            "dry_run.html",
            {
                "title": "Dry run",
                "passing": len(checked) - count,
                "refused": count,
                "by_brake": by_brake(
                    "What would be refused, and why",
                    Counter({brake: len(found) for brake, found in refused.items()}),
                ),
                "named": _named(refused),
            },
        )

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        batch = self._batch(request, pk, may=self.has_export_permission(request))
        only = frozenset(batch.revocations.order_by().values_list("pk", flat=True))
        AuditEntry.objects.record(
            "batch exported", subject=batch.subject, actor=request.user, detail={"seats": len(only)}
        )
        return writers.download(registry.get("reclaimed-seats"), ReportQuery(only=only), "csv")

    # --- Deciding -------------------------------------------------------------------------------

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        batch = self._batch(request, pk, may=self.has_approve_permission(request))
        needs, counts = approve.needs(batch), counts_of([batch])[batch.pk]
        if needs.second_person and batch.state == Batch.PROPOSED:
            people = (
                "Two people have to approve, and whoever proposed it cannot: after you, somebody else has to."
            )
        elif batch.state == Batch.HALF_APPROVED:
            people = "You are the second person. With your approval it can be executed."
        else:
            people = "With your approval it can be executed."

        def do(form: forms.Form) -> str:
            approve.approve(batch, request.user, form.cleaned_data["reason"], form.cleaned_data.get("typed"))
            batch.refresh_from_db()
            if batch.state == Batch.HALF_APPROVED:
                return "Your approval is noted. A second person has to approve it before it can be executed."
            return "It is approved. Nothing is asked of GitHub before somebody executes it."

        return self._ask(
            request,
            batch,
            ApproveForm(request.POST or None, typed=needs.typed),
            do,
            {
                "title": f"Approve batch {batch.pk}",
                "says": [f"{seats(counts.seats)} of {batch.account.label}, {counts.saving} a month.", people],
                "submit": "Approve",
            },
        )

    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        batch = self._batch(request, pk, may=True)
        if not self.has_withdraw_permission(request, batch):
            raise PermissionDenied
        counts = counts_of([batch])[batch.pk]
        left = "It cannot be brought back; the seats can be proposed anew."
        if counts.taken_back:
            left = f"{seats(counts.taken_back)} taken back already stay so. {left}"

        def do(form: forms.Form) -> str:
            approve.withdraw(batch, request.user, form.cleaned_data["reason"])
            return "It is withdrawn: nothing more is asked of GitHub for it."

        return self._ask(
            request,
            batch,
            ReasonForm(request.POST or None, asks="Why not? Whoever proposed it reads this."),
            do,
            {
                "title": f"Withdraw batch {batch.pk}",
                "says": [f"{seats(counts.to_do)} of {batch.account.label} will not be taken back.", left],
                "submit": "Withdraw",
            },
        )

    # --- Doing ----------------------------------------------------------------------------------

    def execute_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        batch = self._batch(request, pk, may=self.has_execute_permission(request))
        counts = counts_of([batch])[batch.pk]
        what = f"{seats(counts.to_do)} of {batch.account.label}, {counts.saving} a month"

        def do(form: forms.Form) -> str:
            revoke.execute(batch, request.user)
            return "It is in the queue. Below you see how far it is; this page may be closed meanwhile."

        return self._ask(
            request,
            batch,
            forms.Form(request.POST if request.method == "POST" else None),
            do,
            {
                "title": f"Execute batch {batch.pk}",
                "says": [
                    f"GitHub is asked to take back {what}.",
                    CHECKED_ONCE_MORE,
                ],
                "submit": f"Take back {seats(counts.to_do)}",
            },
        )

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        batch = self._batch(request, pk, may=self.has_execute_permission(request))
        job = newest_job(batch)
        if job is not None and jobs.cancel(job, request.user):
            messages.success(request, "It was told to stop, and does so after the call it is at.")
        else:
            messages.info(request, "It had ended already.")
        return self._back(batch)

    def give_back_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Those selected on the page of the batch, or all, while their cycle lasts."""
        batch = self._batch(request, pk, may=self.has_reinstate_permission(request))
        picked = [key for key in request.GET.getlist("seat") if key.isdecimal() and len(key) < 19]
        found = batch.revocations.filter(pk__in=picked) if picked else batch.revocations.all()
        wanted = _to_give_back(found)
        names = [row.login for row in wanted[:NAMED]]
        more = f" and {len(wanted) - NAMED:,} more" if len(wanted) > NAMED else ""
        ends = [row.pending_cancellation_date for row in wanted if row.pending_cancellation_date]
        until = f" Until {min(ends)} nobody of them loses access in between." if ends else ""
        whom = f"{', '.join(names)}{more}.{until}"

        def do(form: forms.Form) -> str:
            reinstate.reinstate(wanted, request.user, form.cleaned_data["reason"])
            return "It is in the queue: GitHub is asked to give these seats back."

        if not wanted:
            messages.info(
                request, "None of these seats can be given back: their cycle is over, or they are back."
            )
            return self._back(batch)
        return self._ask(
            request,
            batch,
            ReasonForm(request.POST or None, asks="Why are they given back? The audit keeps it."),
            do,
            {
                "title": f"Give back {seats(len(wanted))}",
                "says": [
                    f"GitHub is asked to give people of {batch.account.label} their seats back: {whom}",
                    "They cost as before, and are left alone for as long as the policy keeps seats.",
                ],
                "submit": f"Give back {seats(len(wanted))}",
            },
        )

    # --- What they have in common ---------------------------------------------------------------

    def _batch(self, request: HttpRequest, pk: int, *, may: bool) -> RevocationBatch:
        """The batch, for whoever may see it and do this."""
        batch: RevocationBatch | None = self.get_object(request, str(pk))  # type: ignore[attr-defined]
        if batch is None:
            raise Http404
        if not (may and self.has_view_permission(request, batch)):  # type: ignore[attr-defined]
            raise PermissionDenied
        return batch

    def _ask(
        self,
        request: HttpRequest,
        batch: RevocationBatch,
        form: forms.Form,
        do: Callable[[forms.Form], str],
        context: dict[str, Any],
    ) -> HttpResponseBase:
        """Show the page that asks; when it was answered, do it, or say which brake refused."""
        if request.method == "POST" and form.is_valid():
            try:
                messages.success(request, do(form))
            except Refused as refused:
                for refusal in refused.refusals:
                    messages.error(request, f"{refusal.name}: {refusal}")
                # Where something else than the form is wrong, the batch's own page tells more.
                if Brake.NOT_CONFIRMED not in refused.brakes:
                    return self._back(batch)
            else:
                return self._back(batch)
        return self._show(request, batch, "ask.html", {"form": form, **context})

    def _show(
        self, request: HttpRequest, batch: RevocationBatch, template: str, context: dict[str, Any]
    ) -> HttpResponseBase:
        return TemplateResponse(
            request,
            f"admin/seats/revocationbatch/{template}",
            {
                **self.admin_site.each_context(request),
                "opts": RevocationBatch._meta,
                "media": self.media,
                "batch": batch,
                "original": batch,
                "subtitle": str(batch),
                **context,
            },
        )

    def _back(self, batch: RevocationBatch) -> HttpResponse:
        return redirect("admin:seats_revocationbatch_change", batch.pk)


def _named(refused: Mapping[str, Sequence[tuple[Revocation, Refusal]]]) -> Table:
    """The first few that each brake would hold back."""
    return Table(
        "Who would keep the seat",
        ["Person", "Why", "What helps"],
        [
            [
                Cell(row.login, reverse("admin:seats_revocation_change", args=[row.pk])),
                Cell(refusal.says),
                Cell(refusal.remedy),
            ]
            for found in refused.values()
            for row, refusal in found[:NAMED]
        ],
        note=f"At most {NAMED} of each.",
    )


def newest_job(batch: RevocationBatch) -> Job | None:
    """The newest run of anything about this batch."""
    return Job.objects.filter(kind__in=KINDS, subject=batch.subject).order_by("-id").first()


def _to_give_back(rows: RevocationQuerySet) -> list[Revocation]:
    taken = rows.taken_back().select_related("seat", "batch__account").order_by("login", "id")
    return [row for row in taken if reinstate.can_be_given_back(row)]
