"""*Sync now* on the pages of organizations and enterprises, and for all of them from the home page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from portal.admin.job import started
from seats.models import Account
from seats.sync import now
from seats.sync.card import button, last_answer, may_start


class SyncNow:
    """Mixed into the admin of accounts."""

    admin_site: Any
    change_form_outer_before_template = "admin/seats/account/sync_now.html"

    def get_urls(self) -> list[URLPattern]:
        one = self.admin_site.admin_view(require_POST(self.sync_one))
        every = self.admin_site.admin_view(require_POST(self.sync_all))
        mine = [
            path("<int:key>/sync-now/", one, name="seats_account_sync_now"),
            path("sync-now/", every, name="seats_account_sync_all"),
        ]
        return [*mine, *super().get_urls()]  # type: ignore[misc]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        account = self.get_object(request, object_id)  # type: ignore[attr-defined]
        context: dict[str, Any] = {}
        if account is not None and may_start(request) and now.is_connected(account):
            url = reverse("admin:seats_account_sync_now", args=[account.pk])
            family = now.family(account)
            context |= {"sync_now": button(family, url), "last_answer": last_answer(family)}
        response: HttpResponse = super().change_view(  # type: ignore[misc]
            request, object_id, form_url, {**context, **(extra_context or {})}
        )
        return response

    def sync_one(self, request: HttpRequest, key: int) -> HttpResponse:
        account = Account.objects.select_related("parent", "connection").filter(pk=key).first()
        if account is None or not may_start(request):
            raise PermissionDenied
        _start(request, now.family(account))
        return HttpResponseRedirect(reverse("admin:seats_account_change", args=[key]))

    def sync_all(self, request: HttpRequest) -> HttpResponse:
        if not may_start(request):
            raise PermissionDenied
        _start(request, now.connected())
        return HttpResponseRedirect(reverse("admin:index"))


def _start(request: HttpRequest, accounts: list[Account]) -> None:
    if not accounts:
        messages.warning(
            request, "No connection speaks for it: GitHub was not asked. Add one under Connections."
        )
        return
    messages.success(request, started(len(now.start(accounts, request.user))))
