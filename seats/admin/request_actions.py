"""What can be done with requests for seats: approve, refuse, withdraw, grant. A page asks first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from portal import jobs
from portal.models import Job
from seats.admin.base import concerned, confirmation
from seats.models import Account, SeatRequest
from seats.reclaim import grant, seat_requests
from seats.reclaim.refusals import Refused

State = SeatRequest.State
# Of a line the page names so many.
NEXT_NAMED = 5


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Whoever asked reads it here.",
    )


class NoteForm(forms.Form):
    reason = forms.CharField(
        required=False, label="Note", max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One organization's, for the page that gives seats to the next."""

    account: Account
    freed: int
    count: int
    named: Sequence[str]
    form: forms.Form

    @property
    def more(self) -> int:
        return self.count - len(self.named)


class RequestActions:
    actions: ClassVar[list[str]] = ["approve", "refuse", "withdraw", "grant_now"]
    actions_list: ClassVar[list[Any]] = ["grant_next"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(grant.PERMISSION)

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return self.has_decide_permission(request) or request.user.has_perm("seats.change_seatrequest")

    # --- Decide ---

    @admin.action(description="Approve: let them stand in line…", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[SeatRequest]) -> HttpResponseBase | None:
        chosen = queryset.filter(state__in=[State.WAITING, State.FAILED])
        form = NoteForm(request.POST if "confirmed" in request.POST else None)
        if self._must_ask(request, chosen, form):
            says = "They stand in line, and nothing is asked of GitHub yet."
            return self._ask(request, queryset, chosen, form, "Approve these requests", "approved", says)
        done = grant.approve_request(chosen, request.user, form.cleaned_data["reason"])
        messages.success(request, f"{_requests(done)} approved: in line for a seat.")
        return None

    @admin.action(description="Refuse…", permissions=["decide"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[SeatRequest]) -> HttpResponseBase | None:
        chosen = queryset.filter(state__in=seat_requests.UNDECIDED)
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if self._must_ask(request, chosen, form):
            return self._ask(request, queryset, chosen, form, "Refuse these requests", "refused")
        done = grant.refuse_request(chosen, request.user, form.cleaned_data["reason"])
        messages.success(request, f"{_requests(done)} refused.")
        return None

    @admin.action(description="Withdraw…", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[SeatRequest]) -> HttpResponseBase | None:
        chosen = queryset.filter(state__in=seat_requests.UNDECIDED)
        form = NoteForm(request.POST if "confirmed" in request.POST else None)
        if self._must_ask(request, chosen, form):
            says = "Nobody wants these seats any more."
            return self._ask(request, queryset, chosen, form, "Withdraw these requests", "withdrawn", says)
        done = grant.withdraw_request(chosen, request.user, form.cleaned_data["reason"])
        messages.success(request, f"{_requests(done)} withdrawn.")
        return None

    # --- Grant ---

    @admin.action(description="Grant now…", permissions=["decide"])
    def grant_now(self, request: HttpRequest, queryset: QuerySet[SeatRequest]) -> HttpResponseBase | None:
        chosen = queryset.filter(state__in=seat_requests.UNDECIDED)
        form = NoteForm(request.POST if "confirmed" in request.POST else None)
        if self._must_ask(request, chosen, form):
            says = "GitHub is asked to give them seats, in line or not; each seat costs from that day."
            return self._ask(request, queryset, chosen, form, "Give these people seats", "granted", says)
        keys = list(chosen.values_list("pk", flat=True))
        grant.approve_request(chosen, request.user, form.cleaned_data["reason"])
        approved = SeatRequest.objects.in_line().filter(pk__among=set(keys)).select_related("account")
        try:
            started = grant.grant(approved, request.user)
        except (Refused, jobs.Refused) as refused:
            messages.error(request, str(refused))
        else:
            _tell(request, started)
        return None

    @action(
        description="Grant to the next in line", url_path="next", permissions=["decide"], icon="person_add"
    )
    def grant_next(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_decide_permission(request):
            raise PermissionDenied
        lines = self._lines(request)
        if request.method == "POST":
            key = request.POST.get("account", "")
            account = get_object_or_404(Account, pk=key if key.isdecimal() else 0)
            line = next((one for one in lines if one.account == account), None)
            if line is not None and line.form.is_valid():
                return self._give(request, account, line.form.cleaned_data["count"])
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": SeatRequest._meta,
            "media": self.media,  # type: ignore[attr-defined]
            "title": "Grant to the next in line",
            "lines": lines,
        }
        return TemplateResponse(request, "admin/seats/seatrequest/next.html", context)

    @staticmethod
    def _give(request: HttpRequest, account: Account, count: int) -> HttpResponseBase:
        try:
            started = grant.grant_next(account, request.user, count)
        except (Refused, jobs.Refused) as refused:
            messages.error(request, str(refused))
        else:
            _tell(request, [started] if started else [])
        return redirect("admin:seats_seatrequest_changelist")

    @staticmethod
    def _lines(request: HttpRequest) -> list[Line]:
        by_account: dict[Account, list[str]] = {}
        for one in SeatRequest.objects.in_line().select_related("account"):
            by_account.setdefault(one.account, []).append(one.login)
        lines = []
        for account, logins in by_account.items():
            free = grant.freed(account)
            is_meant = request.POST.get("account") == str(account.pk)
            data = request.POST if is_meant else None
            form = CountForm(data, most=len(logins), free=free, auto_id=f"id_{account.pk}_%s")
            lines.append(Line(account, free, len(logins), logins[:NEXT_NAMED], form))
        return lines

    # --- The page that asks ---

    def _must_ask(self, request: HttpRequest, chosen: QuerySet[SeatRequest], form: forms.Form) -> bool:
        if not form.is_valid():
            return True
        if request.POST.get("count", "") == str(chosen.count()):
            return False
        messages.warning(request, "The requests have changed in the meantime: please look again.")
        return True

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[SeatRequest],
        chosen: QuerySet[SeatRequest],
        form: forms.Form,
        title: str,
        done: str,
        says: str = "",
    ) -> HttpResponseBase:
        of_whom = concerned(queryset, chosen.select_related("account").order_by("created_at", "pk"), str)
        return confirmation(
            self,
            request,
            "admin/seats/seatrequest/confirm.html",
            {
                "title": title,
                "form": form,
                "submit": title.replace("these requests", _requests(of_whom["count"])).replace(
                    "these people seats", "seats"
                ),
                "done": done,
                "says": says,
                **of_whom,
            },
        )


class CountForm(forms.Form):
    count = forms.IntegerField(
        label="Seats to give", min_value=1, widget=UnfoldAdminIntegerFieldWidget(), help_text="Oldest first."
    )

    def __init__(self, data: Any, *, most: int, free: int, auto_id: str) -> None:
        super().__init__(data, initial={"count": min(most, free) or 1}, auto_id=auto_id)
        self.fields["count"].widget.attrs |= {"max": most}
        self.most = most

    def clean_count(self) -> int:
        count: int = self.cleaned_data["count"]
        if count > self.most:
            raise forms.ValidationError(f"Only {self.most} stand in line.")
        return count


def _tell(request: HttpRequest, started: Sequence[Job]) -> None:
    if not started:
        messages.info(request, "There is nobody to be given a seat.")
        return
    links = [(reverse("admin:portal_job_change", args=[job.pk]), job) for job in started]
    url = links[0][0] if len(links) == 1 else reverse("admin:portal_job_changelist")
    number = sum(len(job.arguments["requests"]) for job in started)
    says = format_html(
        'GitHub is being asked for {}. <a class="portal-link" href="{}">See the job</a>',
        "1 seat" if number == 1 else f"{number:,} seats",
        url,
    )
    messages.success(request, says)


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count:,} requests"
