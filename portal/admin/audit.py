"""The audit log: read, searched, checked; never edited."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, RangeDateTimeFilter
from unfold.decorators import action, display

from portal.admin.base import ReadOnlyAdmin, moment
from portal.admin.paginator import CappedPaginator
from portal.admin.subjects import SubjectColumn
from portal.models import AuditEntry

# The page names this many broken entries; more would not help to find the first.
SHOWN_BREAKS = 20


@admin.register(AuditEntry)
class AuditEntryAdmin(SubjectColumn, ReadOnlyAdmin):
    list_title = "Audit log"
    empty_note = "What people change, start or take out of the portal is noted here."
    filled_through = ()
    list_display = ["sequence", "written", "action", "about", "actor_name", "detail_in_short"]
    list_filter = [("action", AllValuesCheckboxFilter), ("at", RangeDateTimeFilter)]
    search_fields = ["subject", "actor_name", "action"]
    search_help_text = "Subject, person or action"
    ordering = ["-sequence"]
    sortable_by = ["sequence"]
    paginator = CappedPaginator
    actions_list = ["check_chain"]
    readonly_fields = ["about", "detail_in_full"]
    fields = [
        ("sequence", "at"),
        ("action", "about", "subject"),
        ("actor_name", "actor_id_text"),
        "detail_in_full",
        "entry_hash",
        "previous_hash",
        "erased_at",
    ]

    @display(description="at")
    def written(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @display(description="about")
    def about(self, entry: AuditEntry) -> str:
        return super().about(entry)

    @display(description="detail")
    def detail_in_short(self, entry: AuditEntry) -> str:
        """What says something: no zeros, no digests. The entry's own page has it all."""
        said = (f"{key.replace('_', ' ')} {value}" for key, value in entry.detail.items() if _is_short(value))
        text = ", ".join(said)
        return text if len(text) <= 120 else f"{text[:119]}…"

    @display(description="detail")
    def detail_in_full(self, entry: AuditEntry) -> str:
        text = json.dumps(entry.detail, indent=2, ensure_ascii=False)
        return format_html('<pre class="portal-pre" tabindex="0">{}</pre>', text)

    @action(description="Check the chain", url_path="check", permissions=["view"], icon="verified")
    def check_chain(self, request: HttpRequest) -> HttpResponse:
        """Changes nothing: walks the chain and says what it found."""
        broken = list(islice(AuditEntry.objects.broken_links(), SHOWN_BREAKS + 1))
        if broken:
            named = "; ".join(f"{found.place} {found.says}" for found in broken[:SHOWN_BREAKS])
            more = "; and more" if len(broken) > SHOWN_BREAKS else ""
            messages.error(request, f"The chain does not hold: {named}{more}.")
        else:
            messages.success(request, f"All {AuditEntry.objects.count():,} entries follow from each other.")
        return redirect("admin:portal_auditentry_changelist")


def _is_short(value: Any) -> bool:
    return bool(value) and len(str(value)) <= 60
