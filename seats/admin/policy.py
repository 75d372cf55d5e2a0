"""When a seat counts as inactive, and how many seats each policy catches today."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from seats import verdicts
from seats.admin.base import seats_link
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.models import InactivityPolicy
from seats.models.seat import INACTIVE
from seats.resources import PolicyResource


@admin.register(InactivityPolicy)
class InactivityPolicyAdmin(KeptByHandAdmin):
    noun = "policy"
    decides_verdicts = True
    resource_classes: ClassVar[list[Any]] = [PolicyResource]
    list_title = "Inactivity policies"
    list_display: ClassVar[list[str]] = [
        "scope", "idle_days", "grace_days", "sign_in_counts", "mode", "seats_judged", "caught",
    ]  # fmt: skip
    list_select_related: ClassVar[list[str]] = ["account", "team__account"]
    search_fields: ClassVar[list[str]] = ["account__login", "team__slug"]
    autocomplete_fields: ClassVar[list[str]] = ["account", "team"]
    fieldsets = (
        (
            "Whose seats",
            {
                "fields": ["account", "team"],
                "description": "The nearest policy wins: team, organization, enterprise, everybody. "
                "Among several teams of one person the longest idle time wins.",
            },
        ),
        (
            "When a seat is inactive",
            {"fields": ["idle_days", "grace_days", "sign_in_counts", "catches_today"]},
        ),
        (
            "Taking seats back",
            {"fields": ["mode", "notice_days", "max_seats_per_run", "max_percent_per_run"]},
        ),
    )
    readonly_fields: ClassVar[list[str]] = ["catches_today"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[InactivityPolicy]:
        policies: QuerySet[InactivityPolicy] = super().get_queryset(request)
        held = Q(seats__ended_at=None)
        return policies.annotate(
            judged=Count("seats", filter=held),
            caught_now=Count("seats", filter=held & Q(seats__verdict__in=INACTIVE)),
        )

    def has_delete_permission(self, request: HttpRequest, obj: InactivityPolicy | None = None) -> bool:
        # Without a policy for everybody a seat might have none at all.
        if obj is not None and obj.scope_key == "all":
            return False
        return bool(super().has_delete_permission(request, obj))

    @display(description="whose seats", ordering="scope_key")
    def scope(self, policy: InactivityPolicy) -> str:
        return policy.scope_label

    @display(description="seats it decides", ordering="judged")
    def seats_judged(self, policy: Any) -> str:
        return seats_link(policy.judged, policy=policy.pk)

    # The cached verdicts, so that the list costs the same for one policy and for a hundred; the page of
    # one policy asks anew.
    @display(description="would catch today", ordering="caught_now")
    def caught(self, policy: Any) -> str:
        return seats_link(policy.caught_now, policy=policy.pk, verdict="inactive")

    @display(description="would catch today")
    def catches_today(self, policy: InactivityPolicy) -> str:
        if policy._state.adding:
            return "Shown once it is saved."
        count = verdicts.would_catch(policy)
        url = f"{reverse('admin:seats_seat_changelist')}?verdict=inactive"
        if policy.account_id:
            url += f"&account={policy.account_id}"
        if policy.team_id:
            url += f"&team={policy.team_id}"
        return format_html(
            '{} in its scope, were it the nearest. <a class="portal-link" href="{}">Inactive seats there</a>',
            "1 seat" if count == 1 else f"{count:,} seats",
            url,
        )

    def response_change(self, request: HttpRequest, obj: InactivityPolicy) -> HttpResponse:
        count = verdicts.would_catch(obj)
        self.message_user(request, f"Verdicts are up to date; this policy would catch {count:,} today.")
        response: HttpResponse = super().response_change(request, obj)
        return response
