"""Filters of the reviews list: by what was decided, by the notice, and by what is known of the seat."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from seats.admin.filters import AccountFilter, Lookups, PlanFilter, PolicyFilter, TeamFilter
from seats.models import Seat, SeatGrant, SeatReview
from seats.models.seat import Verdict
from seats.reclaim.effects import BY_TEAM
from seats.verdicts import today

Reviews = QuerySet[SeatReview]


class ReviewStateFilter(DropdownFilter):
    """What is on the desk, unless asked otherwise."""

    title = "state"
    parameter_name = "state"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("", "On the desk"), ("all", "All, also closed"), *SeatReview.State.choices]

    def value(self) -> str:
        return super().value() or ""

    def queryset(self, request: HttpRequest, queryset: Reviews) -> Reviews:
        if self.value() == "all":
            return queryset
        states = [self.value()] if self.value() else list(SeatReview.OPEN)
        return queryset.filter(state__in=states)


class ReviewVerdictFilter(DropdownFilter):
    title = "verdict then"
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return list(Verdict.choices)

    def queryset(self, request: HttpRequest, queryset: Reviews) -> Reviews:
        return queryset.filter(verdict=self.value()) if self.value() else queryset


class NoticeFilter(DropdownFilter):
    """How far the person has been told."""

    title = "notice"
    parameter_name = "notice"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [
            ("none", "Not told"),
            ("running", "Told, may still answer"),
            ("over", "Told, time to answer is over"),
            ("answered", "Answered"),
        ]

    def queryset(self, request: HttpRequest, queryset: Reviews) -> Reviews:
        silent = Q(answer="", notified_at__isnull=False)
        conditions = {
            "none": Q(answer="", notified_at=None),
            "running": silent & (Q(notice_ends_on=None) | Q(notice_ends_on__gte=today())),
            "over": silent & Q(notice_ends_on__lt=today()),
            "answered": ~Q(answer=""),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class RouteFilter(DropdownFilter):
    """Who can end the seat: we at GitHub, or the owner of a team that grants it."""

    title = "who can end it"
    parameter_name = "route"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("github", "Ends at GitHub"), ("team", "A team's owner")]

    def queryset(self, request: HttpRequest, queryset: Reviews) -> Reviews:
        by_team = Exists(SeatGrant.objects.filter(seat=OuterRef("seat_id"), route__in=BY_TEAM))
        if self.value() == "team":
            return queryset.filter(by_team)
        return queryset.filter(~by_team) if self.value() == "github" else queryset


class _OfSeats:
    """A filter of seats, for their reviews."""

    def queryset(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        seats = super().queryset(request, Seat.objects.all())  # type: ignore[misc]
        return queryset.filter(seat__in=seats.values("pk"))


class ReviewAccountFilter(_OfSeats, AccountFilter):
    pass


class ReviewTeamFilter(_OfSeats, TeamFilter):
    pass


class ReviewPlanFilter(_OfSeats, PlanFilter):
    pass


class ReviewPolicyFilter(_OfSeats, PolicyFilter):
    pass
