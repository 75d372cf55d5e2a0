"""The seats list and the story of one seat. GitHub owns seats: nothing here edits one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import path, reverse
from unfold.decorators import display

from portal.models import Job
from portal.reports import writers
from seats.admin.base import NOTHING, NullsLastChangeList, ReadOnlyAdmin, day, few
from seats.admin.filters import (
    AccountFilter,
    CostCentreFilter,
    DepartmentFilter,
    DeskFilter,
    EditorFilter,
    GrantedFilter,
    HeldFilter,
    IdleDaysFilter,
    MembershipFilter,
    PlanFilter,
    PolicyFilter,
    SimulatedFilter,
    TeamFilter,
    VerdictFilter,
)
from seats.admin.seat_actions import SeatActions
from seats.admin.seat_story import reason as why
from seats.admin.seat_story import story
from seats.figures import Prices
from seats.models import Assignment, Seat, TeamMembership, UserLogin
from seats.models.seat import Verdict
from seats.sync import asking
from seats.verdicts import today

VERDICT_COLOURS = {
    Verdict.PENDING: "warning",
    Verdict.ACTIVE: "success",
    Verdict.EXEMPT: "info",
    Verdict.IN_GRACE: "info",
    Verdict.IDLE: "danger",
    Verdict.NEVER_USED: "danger",
    Verdict.UNKNOWN: "default",
}


class SeatChangeList(NullsLastChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # A price depends on account, plan and day: looked up once for the page, not in SQL per row.
        prices = Prices.on(today())
        for seat in self.result_list:
            seat.price = prices.of(seat.account, seat.plan_type)


@admin.register(Seat)
class SeatAdmin(SeatActions, ReadOnlyAdmin):
    list_title = "Seats"
    list_display: ClassVar[list[str]] = [
        "login",
        "organization",
        "teams",
        "how_granted",
        "plan",
        "created",
        "last_activity",
        "last_evidence",
        "days_idle",
        "verdict_label",
        "monthly_cost",
    ]
    # Idle longest first: what the list is for. Columns that would sort by a join per row stay unsorted.
    ordering: ClassVar[list[str]] = ["last_used_on", "id"]
    list_filter: ClassVar[list[Any]] = [
        HeldFilter,
        VerdictFilter,
        AccountFilter,
        TeamFilter,
        DepartmentFilter,
        CostCentreFilter,
        PlanFilter,
        GrantedFilter,
        EditorFilter,
        IdleDaysFilter,
        MembershipFilter,
        PolicyFilter,
        DeskFilter,
        SimulatedFilter,
    ]
    search_fields: ClassVar[list[str]] = ["user__login_key"]
    search_help_text = "Login, also a former one"
    list_select_related: ClassVar[list[str]] = ["account", "user", "assigning_team", "policy"]
    change_form_outer_before_template = "admin/seats/seat/ask.html"
    change_form_after_template = "admin/seats/seat/story.html"
    fields: ClassVar[list[str]] = ["verdict_in_words", "reason"]
    readonly_fields = fields

    # --- What is listed ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seat]:
        memberships = TeamMembership.objects.select_related("team").order_by("team__slug")
        seats: QuerySet[Seat] = super().get_queryset(request)
        places = Assignment.objects.on(today()).select_related("department", "cost_centre")
        return seats.prefetch_related(
            Prefetch("user__memberships", queryset=memberships),
            Prefetch("user__assignments", queryset=places.order_by("-starts_on"), to_attr="places_now"),
        )

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """With the place of each person where anybody keeps those."""
        shown = list(self.list_display)
        if Assignment.objects.exists():
            shown.insert(shown.index("teams") + 1, "place")
        return shown

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SeatChangeList]:
        return SeatChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Seat], search_term: str
    ) -> tuple[QuerySet[Seat], bool]:
        for word in search_term.lower().split():
            borne = UserLogin.objects.filter(login_key__contains=word).values("user_id")
            queryset = queryset.filter(Q(user__login_key__contains=word) | Q(user__in=borne))
        return queryset, False

    def get_urls(self) -> list[Any]:
        export = self.admin_site.admin_view(self.export_list)
        ask = self.admin_site.admin_view(self.ask_view)
        return [
            path("export/<str:file_format>/", export, name="seats_seat_export"),
            path("<int:key>/ask/", ask, name="seats_seat_ask"),
            *super().get_urls(),
        ]

    def has_list_as_file(self) -> bool:
        return False  # the report on seats is what is taken away

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        formats: list[tuple[str, str]] = []
        if self.has_export_permission(request):
            asked = request.GET.urlencode()
            formats = [
                (name.upper(), f"{reverse('admin:seats_seat_export', args=[name])}?{asked}")
                for name in writers.FORMATS
            ]
        return super().changelist_view(request, {"export_formats": formats, **(extra_context or {})})

    # --- Asking GitHub ---

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("portal.add_job")

    def ask_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Ask GitHub about one seat, now, and say what came of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        seat = self.get_object(request, str(key))
        if seat is None:
            raise Http404
        if not (self.has_ask_permission(request) and self.has_view_permission(request, seat)):
            raise PermissionDenied
        job = asking.ask(seat, by=request.user)
        if job.state == Job.State.DONE:
            changed = job.tally.get("rows_changed") or job.tally.get("rows_new")
            messages.success(
                request,
                "GitHub tells something new of this seat; it is shown below."
                if changed
                else "GitHub was asked: the seat is as it is shown here.",
            )
        elif job.error:
            messages.error(request, job.error)
        else:
            messages.info(request, "GitHub is being asked about this seat already.")
        return HttpResponseRedirect(reverse("admin:seats_seat_change", args=[seat.pk]))

    # --- Columns ---

    @display(description="login", ordering="user__login_key")
    def login(self, seat: Seat) -> str:
        return seat.user.login

    @display(description="organization", ordering="account__login_key")
    def organization(self, seat: Seat) -> str:
        return seat.account.label

    @display(description="teams")
    def teams(self, seat: Seat) -> str:
        return few(list(dict.fromkeys(str(membership.team) for membership in seat.user.memberships.all())))

    @display(description="department, cost centre")
    def place(self, seat: Any) -> str:
        places = seat.user.places_now
        return places[0].place if places else NOTHING

    @display(description="granted", ordering="granted_by")
    def how_granted(self, seat: Seat) -> str:
        routes = seat.granted_by.replace("_", " ").replace(";", ", ").capitalize()
        return f"{routes} {seat.assigning_team}" if seat.assigning_team else routes or NOTHING

    @display(description="plan", ordering="plan_type")
    def plan(self, seat: Seat) -> str:
        return seat.plan_type.replace("_", " ").capitalize()

    @display(description="created", ordering="created_at")
    def created(self, seat: Seat) -> str:
        return day(seat.created_at)

    @display(description="last activity", ordering="last_activity_at")
    def last_activity(self, seat: Seat) -> str:
        return day(seat.last_activity_at)

    @display(description="last evidence", ordering="last_used_on")
    def last_evidence(self, seat: Seat) -> str:
        if seat.last_used_on is None:
            return NOTHING
        return f"{day(seat.last_used_on)}, {seat.get_last_used_source_display()}"

    # The more days idle, the older the evidence: the same column, the other way round.
    @display(description="days idle", ordering="-last_used_on")
    def days_idle(self, seat: Seat) -> int | None:
        return (today() - seat.last_used_on).days if seat.last_used_on else None

    @display(description="verdict", ordering="verdict", label=VERDICT_COLOURS)
    def verdict_label(self, seat: Seat) -> tuple[str, str]:
        if seat.ended_at:
            return Verdict.UNKNOWN, "ended"
        return seat.verdict, seat.get_verdict_display()

    @display(description="per month")
    def monthly_cost(self, seat: Seat) -> str:
        price = getattr(seat, "price", None)
        return str(price) if price else NOTHING

    # --- One seat ---

    @display(description="verdict")
    def verdict_in_words(self, seat: Seat) -> str:
        return "Ended" if seat.ended_at else seat.get_verdict_display().capitalize()

    @display(description="why")
    def reason(self, seat: Seat) -> str:
        return why(seat)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        seat = self.get_object(request, object_id)
        context: dict[str, Any] = {"show_save": False, "show_close": False}
        if seat is not None:
            context |= {"story": story(seat, request.user), "title": str(seat)}
            if self.has_ask_permission(request) and seat.account.sync_connection is not None:
                context["ask_url"] = reverse("admin:seats_seat_ask", args=[seat.pk])
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )
        return response
