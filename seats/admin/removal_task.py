"""What team owners are asked to do: seats that a team grants end when the person leaves the team."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from portal.models import AuditEntry
from portal.reports import writers
from portal.reports.base import Row, columns_named
from seats.admin.base import ReadOnlyAdmin, concerned, confirmation, day, few, moment
from seats.admin.filters import AutocompleteFilter
from seats.models import RemovalTask, TeamMembership
from seats.reclaim import tasks_for_owners

# Teams have few maintainers; a list that is handed over names them all.
EVERYBODY = 1000


class TaskTeamFilter(AutocompleteFilter):
    title = "team"
    parameter_name = "team"
    source = (RemovalTask, "team")

    def queryset(self, request: HttpRequest, queryset: QuerySet[RemovalTask]) -> QuerySet[RemovalTask]:
        key = self.key()
        return queryset if key is None else queryset.filter(team_id=key)


@admin.register(RemovalTask)
class RemovalTaskAdmin(ReadOnlyAdmin):
    list_title = "Tasks for team owners"
    empty_title = "No tasks for team owners"
    empty_note = (
        "The portal removes nobody from a team. Where only that would end a seat, a task for the team's "
        "owner is listed here when the seat is proposed to be taken back."
    )
    filled_through = ()
    list_display: ClassVar[list[str]] = [
        "person", "organization", "team_name", "maintainers", "since", "state_label", "reason", "closed",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["-id"]
    list_filter: ClassVar[list[Any]] = [("state", ChoicesDropdownFilter), TaskTeamFilter]
    list_select_related: ClassVar[list[str]] = [
        "seat__user", "seat__account", "team__account", "opened_by", "review",
    ]  # fmt: skip
    search_fields: ClassVar[list[str]] = ["seat__user__login_key", "team__slug", "team__name"]
    search_help_text = "Login or team"
    actions: ClassVar[list[str]] = ["export_csv", "withdraw"]
    fields: ClassVar[list[str]] = [
        "seat_link", "team_link", "maintainers", "state_in_words", "what_to_do", "reason", "since",
        "asked_by", "closed",
    ]  # fmt: skip
    readonly_fields = fields

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/batch.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RemovalTask]:
        maintaining = TeamMembership.objects.filter(role=TeamMembership.Role.MAINTAINER).select_related(
            "user"
        )
        tasks: QuerySet[RemovalTask] = super().get_queryset(request)
        return tasks.prefetch_related(
            Prefetch("team__memberships", queryset=maintaining, to_attr="maintaining")
        )

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.propose_revocationbatch")

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.export_seat")

    # --- Columns --------------------------------------------------------------------------------

    @display(description="person", ordering="seat__user__login_key")
    def person(self, task: RemovalTask) -> str:
        return task.seat.user.login

    @display(description="organization", ordering="seat__account__login_key")
    def organization(self, task: RemovalTask) -> str:
        return task.seat.account.label

    @display(description="team", ordering="team__slug")
    def team_name(self, task: RemovalTask) -> str:
        return str(task.team)

    @display(description="maintainers")
    def maintainers(self, task: RemovalTask) -> str:
        names = _maintainers(task)
        return few(names) if names else "none known: the organization's owners"

    @display(description="since", ordering="opened_at")
    def since(self, task: RemovalTask) -> str:
        return day(task.opened_at)

    @display(
        description="state",
        ordering="state",
        label={"open": "warning", "done": "success", "withdrawn": "default"},
    )
    def state_label(self, task: RemovalTask) -> tuple[str, str]:
        return task.state, task.get_state_display()

    @display(description="closed", ordering="closed_at")
    def closed(self, task: RemovalTask) -> str:
        return moment(task.closed_at)

    # --- One task -------------------------------------------------------------------------------

    @display(description="state")
    def state_in_words(self, task: RemovalTask) -> str:
        return task.get_state_display().capitalize()

    @display(description="seat")
    def seat_link(self, task: RemovalTask) -> str:
        url = reverse("admin:seats_seat_change", args=[task.seat_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, task.seat)

    @display(description="team")
    def team_link(self, task: RemovalTask) -> str:
        url = reverse("admin:seats_team_change", args=[task.team_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, task.team)

    @display(description="what to do")
    def what_to_do(self, task: RemovalTask) -> str:
        return (
            f"Remove {task.seat.user.login} from the team {task.team} at GitHub, or end the team's access to "
            "Copilot. The next seat list closes this task by itself."
        )

    @display(description="asked by")
    def asked_by(self, task: RemovalTask) -> str:
        return task.opened_by.get_username() if task.opened_by else "the portal"

    # --- Actions --------------------------------------------------------------------------------

    @admin.action(description="Export as CSV, to hand over", permissions=["export"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[RemovalTask]) -> HttpResponseBase:
        columns = columns_named(
            "organization", "team", "maintainers", "login", "name", "email", "since", "state", "reason",
        )  # fmt: skip
        AuditEntry.objects.record(
            "team owners' tasks exported", actor=request.user, detail={"tasks": queryset.count()}
        )
        ordered = queryset.order_by("team__account__login_key", "team__slug", "seat__user__login_key", "id")
        return writers.as_download(
            writers.stream_rows(columns, _rows(ordered), "csv"), "tasks-for-team-owners", "csv"
        )

    @admin.action(description="No longer wanted…", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[RemovalTask]) -> HttpResponseBase | None:
        wanted = queryset.filter(state=RemovalTask.State.OPEN)
        if "confirmed" in request.POST:
            closed = tasks_for_owners.withdraw(wanted, request.user)
            messages.success(request, f"{_tasks(closed)} no longer wanted.")
            return None
        return confirmation(
            self,
            request,
            "admin/seats/removaltask/withdraw.html",
            {
                "title": "No longer wanted",
                **concerned(queryset, wanted, lambda task: task.seat.user.login),
            },
        )


def _maintainers(task: Any) -> list[str]:
    return sorted(membership.user.login for membership in task.team.maintaining)


def _rows(tasks: QuerySet[RemovalTask]) -> Iterator[Row]:
    for task in tasks.iterator(chunk_size=1000):
        user = task.seat.user
        opened: datetime = task.opened_at
        yield (
            task.team.account.label,
            str(task.team),
            few(_maintainers(task), EVERYBODY) if _maintainers(task) else "",
            user.login,
            user.name,
            user.email,
            opened,
            task.state,
            task.reason,
        )


def _tasks(count: int) -> str:
    return "1 task is" if count == 1 else f"{count:,} tasks are"
