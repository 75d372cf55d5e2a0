"""Connections to GitHub: entered, checked, and what each check found, in words."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from portal import connections, credentials, sync_schedules
from portal.admin.base import NOTHING, PortalModelAdmin, few, moment
from portal.admin.connection_form import ConnectionForm, form_parts
from portal.admin.job import started
from portal.connection_notes import notes_on
from portal.credentials import CredentialError
from portal.models import AuditEntry, Connection, SyncSchedule
from portal.models.connection import Finding

SHOWN_CHECKS = 5
WHAT_IT_TAKES = (
    "A classic token needs the scope read:org for organizations, read:enterprise for an enterprise. A "
    "fine-grained token and a GitHub App serve organizations: GitHub Copilot Business, Organization Copilot "
    "metrics and Members, each read-only."
)
STATE_COLOURS = {"works": "success", "fix": "danger", "unchecked": "warning", "off": "default"}


@admin.register(Connection)
class ConnectionAdmin(PortalModelAdmin):
    form = ConnectionForm
    list_title = "Connections"
    empty_title = "No connection to GitHub yet"
    empty_note = "With a credential the portal fetches seats, members, teams and use by itself, every day."
    list_display: ClassVar[list[str]] = ["name", "speaks_for", "kind", "api", "state_label", "checked"]
    list_filter: ClassVar[list[Any]] = [("kind", ChoicesDropdownFilter)]
    search_fields: ClassVar[list[str]] = ["name"]
    ordering: ClassVar[list[str]] = ["name"]
    sortable_by: ClassVar[list[str]] = ["name"]
    actions: ClassVar[list[str]] = ["check_selected", "reencrypt_selected"]
    change_form_outer_before_template = "admin/portal/connection/findings.html"
    # Each kind of credential shows its own fields.
    conditional_fields: ClassVar[dict[str, str]] = {
        "token": "kind != 'app'",
        "private_key": "kind == 'app'",
        "app_id": "kind == 'app'",
        "installation_id": "kind == 'app'",
    }

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/connection.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        found: QuerySet[Connection] = super().get_queryset(request)
        return found.prefetch_related(*(name for part in form_parts for name in part.prefetch))

    # --- The form -------------------------------------------------------------------------------

    def get_form(
        self, request: HttpRequest, obj: Connection | None = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        parts = {name: field for part in form_parts for name, field in part.fields().items()}
        kwargs["form"] = type("ConnectionForm", (ConnectionForm,), parts)
        form: type[Any] = super().get_form(request, obj, change, **kwargs)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        if not may_edit:
            return [(None, {"fields": self.get_readonly_fields(request, obj)})]
        keeping = (
            "Enter it here, where it is kept encrypted and never shown again; or name"
            if credentials.can_be_kept()
            else "The portal has no CREDENTIAL_KEYS to encrypt with, so name"
        )
        revoking = ["revoke_token", "revoke_secret_env"]
        if obj is not None and obj.has_own_revoke_secret:
            revoking.append("forget_revoke_token")
        return [
            (None, {"fields": ["name", "is_active"]}),
            *(
                (part.title, {"fields": list(part.fields()), "description": part.description})
                for part in form_parts
            ),
            (
                "Credential",
                {
                    "fields": [
                        "kind", "base_url", "app_id", "installation_id", "token", "private_key", "secret_env",
                    ],
                    "description": f"{keeping} an environment variable of web server and worker, from which "
                    f"it is read whenever it is needed. {WHAT_IT_TAKES}",
                },
            ),
            (
                "Taking seats back",
                {
                    "fields": revoking,
                    "description": "Reading needs little. A separate token for taking seats back is used for "
                    "nothing else; without one, the credential above is tried.",
                },
            ),
            ("Older systems", {"fields": ["legacy_apis"]}),
        ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> list[str]:
        if obj is not None and not self.has_change_permission(request, obj):
            return ["name", "speaks_for", "kind", "base_url", "credential", "is_active", "legacy_apis"]
        return []

    @method_decorator(sensitive_post_parameters())
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return response

    def page_context(self, request: HttpRequest, row: Connection | None) -> dict[str, Any]:
        # Whoever saves comes back to this page, where it is checked: there is nothing to go on to.
        context: dict[str, Any] = {"show_save_and_continue": False, "show_save_and_add_another": False}
        if row is not None:
            context |= {
                "connection": row,
                "accounts": by_account(row.what_was_found),
                "checks": _past_checks(row),
                "checked": moment(row.checked_at),
                "limited_until": _limited(row),
                "notes": notes_on(row),
                "may_check": self.has_change_permission(request, row),
                "may_sync": self.has_sync_permission(request) and row.is_active,
                "is_for_nobody": not _names(row),
                "is_ready": row.checked_at is not None and not any(row.to_fix()),
            }
        return context

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        before = connections.described(Connection.objects.get(pk=obj.pk)) if change else {}
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            now = connections.described(obj)
            changed = {name: value for name, value in now.items() if before.get(name) != value}
            if "name" in form.changed_data or not change:
                changed["name"] = obj.name
            if changed:
                connections.record("changed" if change else "created", obj, request.user, **changed)
            if replaced := form.replaced():
                connections.record("credential replaced", obj, request.user, which=replaced)
            _keep_schedules(obj, legacy_changed="legacy_apis" in form.changed_data)
            for part in form_parts:
                part.save(obj, form.cleaned_data, request.user)

    def response_add(
        self, request: HttpRequest, obj: Connection, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To the new connection's own page, where it is checked."""
        return self._saved(request, obj)

    def response_change(self, request: HttpRequest, obj: Connection) -> HttpResponse:
        """Back to its own page: what was changed is checked there."""
        return self._saved(request, obj)

    def _saved(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        messages.success(request, f"{connection.name} is saved. Check now whether it works.")
        return redirect("admin:portal_connection_change", connection.pk)

    def delete_model(self, request: HttpRequest, obj: Connection) -> None:
        connections.record("deleted", obj, request.user, accounts=_names(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            connections.record("deleted", connection, request.user, accounts=_names(connection))
        super().delete_queryset(request, queryset)

    # --- Checking -------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        check = self.admin_site.admin_view(require_POST(self.check_view))
        sync = self.admin_site.admin_view(require_POST(self.sync_view))
        return [
            path("<int:pk>/check/", check, name="portal_connection_check"),
            path("<int:pk>/sync/", sync, name="portal_connection_sync"),
            *super().get_urls(),
        ]

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try the connection now, while its reader waits."""
        connection = get_object_or_404(Connection, pk=pk)
        if not self.has_change_permission(request, connection):
            return HttpResponse("You may not check connections.", status=403, content_type="text/plain")
        self._check(request, connection)
        return redirect("admin:portal_connection_change", pk)

    @action(description="Check selected connections", permissions=["change"])
    def check_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        within = connections.CHECK_WITHIN_SECONDS / max(queryset.count(), 1)
        for connection in queryset:
            self._check(request, connection, within)

    def _check(
        self, request: HttpRequest, connection: Connection, within: float = connections.CHECK_WITHIN_SECONDS
    ) -> None:
        findings = connections.check(connection, within=within)
        connections.record_check(connection, findings, request.user)
        if to_fix := sum(finding.state == "bad" for finding in findings):
            messages.warning(request, f"{connection.name}: {to_fix} to fix, see what and how below.")
        elif any(finding.state == "unknown" for finding in findings):
            messages.info(request, f"{connection.name}: some of it could not be told.")
        else:
            messages.success(request, f"{connection.name}: all works.")

    # --- Syncing --------------------------------------------------------------------------------

    def has_sync_permission(self, request: HttpRequest) -> bool:
        # Whoever may add a job may have GitHub asked now.
        return request.user.has_perm("portal.add_job")

    def sync_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have all of it fetched now that its schedules fetch."""
        connection = get_object_or_404(Connection, pk=pk)
        if not self.has_sync_permission(request):
            return HttpResponse("You may not start a sync.", status=403, content_type="text/plain")
        schedules = SyncSchedule.objects.filter(
            connection=connection, is_on=True, kind__in=SyncSchedule.FETCHING
        )
        jobs = {
            job.pk
            for schedule in schedules
            if connection.is_active
            for job in sync_schedules.enqueue(schedule, request.user)
        }
        if jobs:
            connections.record("sync started", connection, request.user, jobs=len(jobs))
            messages.success(request, started(len(jobs)))
        elif not connection.is_active:
            messages.warning(request, f"{connection.name} is switched off: nothing is asked of GitHub.")
        else:
            messages.info(request, f"{connection.name}: there is nothing to ask for.")
        return redirect("admin:portal_connection_change", pk)

    @action(description="Encrypt with the newest key", permissions=["change"])
    def reencrypt_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            try:
                if connection.reencrypt():
                    connections.record("encrypted anew", connection, request.user)
                    messages.success(request, f"{connection.name} is encrypted with the newest key now.")
                else:
                    messages.info(request, f"{connection.name} keeps nothing under an older key.")
            except CredentialError as error:
                messages.error(request, f"{connection.name}: {error}")

    # --- Columns --------------------------------------------------------------------------------

    @display(description="for")
    def speaks_for(self, connection: Connection) -> str:
        return few(_names(connection), shown=3)

    @display(description="API")
    def api(self, connection: Connection) -> str:
        return connection.base_url.removeprefix("https://")

    @display(description="credential")
    def credential(self, connection: Connection) -> str:
        return connections.described(connection)["credential"] or NOTHING

    @display(description="state", label=STATE_COLOURS)
    def state_label(self, connection: Connection) -> tuple[str, str]:
        if not connection.is_active:
            return "off", "switched off"
        if connection.checked_at is None:
            return "unchecked", "not checked yet"
        to_fix = len(list(connection.to_fix()))
        return ("fix", f"{to_fix} to fix") if to_fix else ("works", "works")

    @display(description="checked", ordering="checked_at")
    def checked(self, connection: Connection) -> str:
        return format_html('<span class="portal-nowrap">{}</span>', moment(connection.checked_at))


def by_account(findings: list[Finding]) -> list[tuple[str, list[Finding]]]:
    """The findings of each account: of the connection itself first, then where there is something to fix."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.account, []).append(finding)
    return sorted(
        groups.items(),
        key=lambda group: (group[0] != "", all(one.state != "bad" for one in group[1]), group[0].lower()),
    )


def _keep_schedules(connection: Connection, *, legacy_changed: bool) -> None:
    """A connection has its schedules from the start; that of the older systems goes on and off with them."""
    sync_schedules.install_for(connection)
    if legacy_changed:
        schedule = SyncSchedule.objects.get(connection=connection, kind=SyncSchedule.Kind.LEGACY)
        schedule.is_on = connection.legacy_apis
        schedule.save()


def _past_checks(connection: Connection) -> list[AuditEntry]:
    entries = AuditEntry.objects.filter(subject=connection.subject, action="connection checked")
    return list(entries.order_by("-sequence")[:SHOWN_CHECKS])


def _limited(connection: Connection) -> str:
    until = connection.limited_until
    return moment(until) if until and until > timezone.now() else ""


def _names(connection: Connection) -> list[str]:
    return [name for part in form_parts for name in part.names(connection)]
