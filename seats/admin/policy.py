"""When a seat counts as inactive, what follows, and what would follow from other values."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import Count, DateField, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter
from unfold.decorators import display

from portal.cards import Cell, Table
from portal.models import AuditEntry
from seats import verdicts
from seats.admin.base import NOTHING, day, moment, seats_link
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.admin.policy_simulation import simulation
from seats.models import InactivityPolicy
from seats.models.seat import INACTIVE
from seats.verdicts import today

# An edit of a year ago is still found, in the audit log.
SHOWN_EDITS = 50


class HoldsFilter(RadioFilter):
    title = "in force"
    parameter_name = "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "In force today"), ("later", "Not yet"), ("over", "Over")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[InactivityPolicy]
    ) -> QuerySet[InactivityPolicy]:
        now = today()
        conditions = {
            "now": Q(pk__in=InactivityPolicy.objects.in_force(now).values("pk")),
            "later": Q(starts_on__gt=now),
            "over": Q(ends_on__lt=now),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


# What the policy of last resort is about never changes: its page does not ask.
SCOPE = (
    "Whose seats, and when",
    {
        "fields": ["account", "team", ("starts_on", "ends_on")],
        "description": "The nearest policy wins: team, organization, enterprise, everybody; among several "
        "teams of one person the longest idle time. Of several for the same, the one that started last.",
    },
)
DECIDES: tuple[Any, ...] = (
    (
        "When a seat is inactive",
        {
            "fields": [("idle_days", "grace_days"), "sign_in_counts", "simulated"],
            "description": "Whole UTC days. A seat without any evidence is unknown until it has been watched "
            "for as long.",
        },
    ),
    (
        "What the portal does by itself",
        {
            "fields": ["mode"],
            "description": "Report only: seats are flagged, nobody is told, people may still propose to take "
            "them back. Propose: those flagged are told, and put into batches for people to approve. "
            "Automatic: the batches are approved and carried out, too, as far as the limits below go.",
        },
    ),
    (
        "Notices",
        {
            "fields": [("notice_days", "working_calendar"), "keep_days"],
            "description": "Between the mail to the person and the approval; and how long a seat is "
            "left alone that somebody decided to keep.",
        },
    ),
    (
        "Evidence it takes",
        {
            "fields": ["needs_usage_reports", ("min_watched_days", "max_idle_jump")],
            "description": "Where it is missing, no seat is taken back, whoever approves.",
        },
    ),
    (
        "Limits",
        {
            "fields": [
                ("max_seats_per_run", "max_percent_per_run"),
                ("max_seats_per_day", "max_percent_per_day"),
            ],
            "description": "A batch beyond them is not carried out. They hold for people and for the portal.",
        },
    ),
    (
        "Approval",
        {"fields": ["confirm_above", "needs_second_person"]},
    ),
)


@admin.register(InactivityPolicy)
class InactivityPolicyAdmin(KeptByHandAdmin):
    noun = "policy"
    decides_verdicts = True
    list_title = "Inactivity policies"
    list_display: ClassVar[list[str]] = [
        "scope", "mode_label", "idle_days", "grace_days", "sign_in_counts", "holds", "seats_judged", "caught",
    ]  # fmt: skip
    list_filter: ClassVar[list[Any]] = [HoldsFilter, ("mode", ChoicesDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["account", "team__account"]
    search_fields: ClassVar[list[str]] = ["account__login", "team__slug"]
    autocomplete_fields: ClassVar[list[str]] = ["account", "team"]
    fieldsets = (SCOPE, *DECIDES)
    readonly_fields: ClassVar[list[str]] = ["simulated"]
    change_form_after_template = "admin/seats/githubuser/story.html"

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/simulator.css"]}
        js = ("portal/simulator.js",)

    def get_fieldsets(self, request: HttpRequest, obj: InactivityPolicy | None = None) -> Any:
        return DECIDES if obj is not None and obj.is_last_resort else self.fieldsets

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        # What held before stays known: past days are judged by the policies of then.
        return {"starts_on": today(), **super().get_changeform_initial_data(request)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[InactivityPolicy]:
        policies: QuerySet[InactivityPolicy] = super().get_queryset(request)
        held = Q(seats__ended_at=None)
        later = InactivityPolicy.objects.in_force(today()).filter(
            scope_key=OuterRef("scope_key"), starts_on__gt=OuterRef("starts_on")
        )
        return policies.annotate(
            judged=Count("seats", filter=held),
            caught_now=Count("seats", filter=held & Q(seats__verdict__in=INACTIVE)),
            hidden_since=Subquery(
                later.order_by("-starts_on").values("starts_on")[:1], output_field=DateField()
            ),
        )

    def has_delete_permission(self, request: HttpRequest, obj: InactivityPolicy | None = None) -> bool:
        # Without it a seat might have no policy at all.
        if obj is not None and obj.is_last_resort:
            return False
        return bool(super().has_delete_permission(request, obj))

    # --- The list ---

    @display(description="whose seats", ordering="scope_key")
    def scope(self, policy: InactivityPolicy) -> str:
        return policy.scope_label

    @display(description="mode", ordering="mode")
    def mode_label(self, policy: InactivityPolicy) -> str:
        return policy.get_mode_display().capitalize()

    @display(description="in force", ordering="starts_on")
    def holds(self, policy: Any) -> str:
        now = today()
        if policy.starts_on > now:
            return f"From {day(policy.starts_on)}"
        if policy.ends_on and policy.ends_on < now:
            return f"Over since {day(policy.ends_on)}"
        if policy.hidden_since:
            return f"Not while that of {day(policy.hidden_since)} holds"
        return f"Until {day(policy.ends_on)}" if policy.ends_on else "Yes"

    @display(description="seats it decides", ordering="judged")
    def seats_judged(self, policy: Any) -> str:
        return seats_link(policy.judged, policy=policy.pk)

    # The cached verdicts, so that the list costs the same for one policy and for a hundred; the page of
    # one policy asks anew.
    @display(description="catches today", ordering="caught_now")
    def caught(self, policy: Any) -> str:
        return seats_link(policy.caught_now, policy=policy.pk, verdict="inactive")

    # --- The simulator ---

    def get_urls(self) -> list[Any]:
        simulate = self.admin_site.admin_view(self.simulate_view)
        return [path("simulate/", simulate, name="seats_inactivitypolicy_simulate"), *super().get_urls()]

    def simulate_view(self, request: HttpRequest) -> HttpResponse:
        """What the values of a form would do. Asked by POST, since a form is sent; nothing is written."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_view_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        key = request.POST.get("policy", "")
        policy = self.get_object(request, key) if key else InactivityPolicy()
        if policy is None:
            raise Http404
        shown = simulation(request, policy, request.POST)
        html = render_to_string("admin/seats/inactivitypolicy/simulation.html", {"simulation": shown})
        return JsonResponse({"says": shown.says, "html": html})

    @display(description="what it would do")
    def simulated(self, policy: InactivityPolicy) -> str:
        """Filled by `simulator.js`; without it, the one number that costs little."""
        says = ""
        if not policy._state.adding:
            count = verdicts.would_catch(policy)
            seats = "1 seat" if count == 1 else f"{count:,} seats"
            says = f"{seats} in its scope would be inactive today, were it the nearest."
        url = reverse("admin:seats_inactivitypolicy_simulate")
        context = {"policy": policy, "says": says, "url": url}
        return render_to_string("admin/seats/inactivitypolicy/simulator.html", context)

    # --- One policy ---

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        tables = {"tables": [table for table in [_edits(object_id)] if table.rows]}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**tables, **(extra_context or {})}
        )
        return response

    def response_change(self, request: HttpRequest, obj: InactivityPolicy) -> HttpResponse:
        count = verdicts.would_catch(obj)
        self.message_user(request, f"Verdicts are up to date; this policy would catch {count:,} today.")
        response: HttpResponse = super().response_change(request, obj)
        return response


def _edits(policy_id: str) -> Table:
    entries = AuditEntry.objects.filter(subject=f"policy:{policy_id}").order_by("-sequence")
    return Table(
        "Edits of this policy, newest first",
        ["When", "Who", "What"],
        [
            [Cell(moment(entry.at)), Cell(entry.actor_name or NOTHING), Cell(_edited(entry))]
            for entry in entries[:SHOWN_EDITS]
        ],
    )


def _edited(entry: AuditEntry) -> str:
    """The fields that changed, each with what it was and what it became."""
    said = []
    for name, value in entry.detail.items():
        if isinstance(value, dict):
            said.append(f"{_called(name)}: {value.get('from') or 'none'} → {value.get('to') or 'none'}")
        else:
            said.append(f"{_called(name)}: {value}")
    verb = entry.action.removeprefix("policy ").capitalize()
    return f"{verb}. {'; '.join(said)}" if said else f"{verb}."


def _called(name: str) -> str:
    """A field by the name that the page gives it."""
    try:
        return str(getattr(InactivityPolicy._meta.get_field(name), "verbose_name", name))
    except FieldDoesNotExist:
        return name.replace("_", " ")
