"""Every seat list taken in; of one that was held back, the seats it no longer lists can be ended here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from portal.admin.file_origin import link_to_file
from seats import roster as rosters
from seats.admin.base import NOTHING, ReadOnlyAdmin, confirmation, moment
from seats.models import Seat, SeatRoster
from seats.roster.confirming import NothingToConfirm, missing_from

# The page that asks names this many people; the rest it counts.
NAMED = 50

WHOLE, HELD_BACK, UNCONFIRMED, PARTIAL = "whole", "held_back", "unconfirmed", "partial"
STATES = {
    WHOLE: "whole list",
    HELD_BACK: "held back",
    UNCONFIRMED: "complete, not confirmed",
    PARTIAL: "partial",
}


class StateFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, text.capitalize()) for key, text in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SeatRoster]) -> QuerySet[SeatRoster]:
        conditions: dict[str | None, dict[str, Any]] = {
            WHOLE: {"is_confirmed": True},
            HELD_BACK: {"is_confirmed": False, "held_back__gt": 0},
            UNCONFIRMED: {"is_complete": True, "is_confirmed": False, "held_back": 0},
            PARTIAL: {"is_complete": False},
        }
        return queryset.filter(**conditions.get(self.value(), {}))


@admin.register(SeatRoster)
class SeatRosterAdmin(ReadOnlyAdmin):
    list_title = "Seat lists"
    list_display: ClassVar[list[str]] = [
        "listed_account", "observed", "seen_again", "listed_seats", "state_label", "not_listed", "from_file",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["-last_observed_at", "-id"]
    list_filter: ClassVar[list[Any]] = [StateFilter]
    list_select_related: ClassVar[list[str]] = ["account", "file"]
    search_fields: ClassVar[list[str]] = ["account__login"]
    search_help_text = "Organization or enterprise"
    actions: ClassVar[list[str]] = ["end_missing"]
    fields: ClassVar[list[str]] = [
        "listed_account", "observed", "seen_again", "times_seen", "listed_seats", "state_in_words",
        "not_listed", "from_files",
    ]  # fmt: skip
    readonly_fields = fields

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.confirm_seatroster")

    # --- Columns ---

    @display(description="organization or enterprise", ordering="account__login_key")
    def listed_account(self, roster: SeatRoster) -> str:
        return roster.account.label

    @display(description="first seen", ordering="observed_at")
    def observed(self, roster: SeatRoster) -> str:
        return moment(roster.observed_at)

    @display(description="last seen again", ordering="last_observed_at")
    def seen_again(self, roster: SeatRoster) -> str:
        again = roster.last_observed_at > roster.observed_at
        return moment(roster.last_observed_at) if again else NOTHING

    @display(description="times seen")
    def times_seen(self, roster: SeatRoster) -> str:
        return f"{len(roster.seen_again_at) + 1:,}"

    @display(description="listed", ordering="seats")
    def listed_seats(self, roster: SeatRoster) -> str:
        return f"{roster.seats:,}"

    @display(
        description="state",
        label={WHOLE: "success", HELD_BACK: "danger", UNCONFIRMED: "info", PARTIAL: "warning"},
    )
    def state_label(self, roster: SeatRoster) -> tuple[str, str]:
        state = _state(roster)
        return state, STATES[state]

    @display(description="state")
    def state_in_words(self, roster: SeatRoster) -> str:
        return {
            WHOLE: "The whole list: whoever is not on it holds no seat.",
            HELD_BACK: "The whole list, but so many seats are missing that none was ended by it.",
            UNCONFIRMED: "Complete, but nobody said that it is the whole list: it ended no seat.",
            PARTIAL: "Not complete: it added and changed seats, and ended none.",
        }[_state(roster)]

    @display(description="held back", ordering="held_back")
    def not_listed(self, roster: SeatRoster) -> str:
        return f"{roster.held_back:,}" if roster.held_back else NOTHING

    @display(description="file")
    def from_file(self, roster: SeatRoster) -> str:
        return link_to_file(roster.file)

    @display(description="files")
    def from_files(self, roster: SeatRoster) -> str:
        """Its pages, and whatever else is a list of this moment."""
        files = roster.told_by.order_by("pk")
        return format_html_join(", ", "{}", ((link_to_file(file),) for file in files)) or NOTHING

    # --- Ending what was held back ---

    @admin.action(description="End the seats it no longer lists…", permissions=["confirm"])
    def end_missing(self, request: HttpRequest, queryset: QuerySet[SeatRoster]) -> HttpResponseBase | None:
        # The oldest first: a seat ends with the first list that lacks it.
        held_back = list(queryset.filter(held_back__gt=0, is_confirmed=False).order_by("observed_at"))
        if not held_back:
            messages.warning(request, "None of the selected rosters was held back: no seat is to be ended.")
            return None
        if "confirmed" not in request.POST:
            return self._ask(request, held_back)
        ended: list[str] = []
        for roster in held_back:
            if not missing_from(roster).exists():
                continue
            try:
                ended += rosters.confirm(roster, request.user)
            except NothingToConfirm as error:
                messages.warning(request, str(error))
        messages.success(request, f"{_seats(len(ended))} ended; verdicts are up to date.")
        return None

    def _ask(self, request: HttpRequest, held_back: list[SeatRoster]) -> HttpResponseBase:
        missing = Seat.objects.none()
        for roster in held_back:
            missing = missing | missing_from(roster)
        logins = missing.order_by("user__login_key").values_list("user__login", flat=True)
        count, named = len(logins), list(logins[:NAMED])
        return confirmation(
            self,
            request,
            "admin/seats/seatroster/confirm.html",
            {
                "title": "End the seats it no longer lists",
                "submit": f"End {_seats(count)}",
                "rosters": [
                    {"label": roster.account.label, "at": moment(roster.observed_at), "seats": roster.seats}
                    for roster in held_back
                ],
                "count": count,
                "named": named,
                "more": count - len(named),
            },
        )


def _state(roster: SeatRoster) -> str:
    if roster.is_confirmed:
        return WHOLE
    if roster.held_back:
        return HELD_BACK
    return UNCONFIRMED if roster.is_complete else PARTIAL


def _seats(number: int) -> str:
    return "1 seat" if number == 1 else f"{number:,} seats"
