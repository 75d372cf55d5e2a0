"""The words of notices, per organization and language; with a preview, and a test mail to oneself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.cards import Cell, Table
from portal.mailing import Outbox, Refused, Unreachable
from portal.models import AuditEntry
from seats.admin.base import PortalModelAdmin
from seats.admin.kept_by_hand import changes
from seats.models import NoticeTemplate
from seats.policy_sql import today
from seats.reclaim.notice_words import ENGLISH, PLACEHOLDERS, Mail, problems, write
from seats.sheets.contacts import checked_language

Kind = NoticeTemplate.Kind


class NoticeTemplateForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    class Meta:
        model = NoticeTemplate
        fields: ClassVar[list[str]] = ["account", "kind", "language", "is_default", "subject", "body"]
        labels: ClassVar[dict[str, str]] = {
            "account": "Organization or enterprise",
            "is_default": "Default language",
            "body": "Text",
        }
        widgets: ClassVar[dict[str, Any]] = {"body": UnfoldAdminTextareaWidget(attrs={"rows": 18})}

    def clean_language(self) -> str:
        return checked_language(self.cleaned_data["language"])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if {"kind", "subject", "body"} <= given.keys():
            for name, sentences in problems(given["kind"], given["subject"], given["body"]).items():
                self.add_error(name, ValidationError(sentences))
        account = given.get("account")
        same = NoticeTemplate.objects.filter(
            scope_key=f"account:{account.pk}" if account else "all",
            kind=given.get("kind"),
            language=given.get("language"),
        )
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("language", "There are words in this language already: edit those.")
        return given


@admin.register(NoticeTemplate)
class NoticeTemplateAdmin(PortalModelAdmin):
    form = NoticeTemplateForm
    list_title = "Words of notices"
    list_display: ClassVar[list[str]] = ["scope", "kind", "language", "default_label", "subject"]
    list_display_links: ClassVar[list[str]] = ["scope", "subject"]
    list_filter: ClassVar[list[Any]] = [("kind", ChoicesDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["account"]
    search_fields: ClassVar[list[str]] = ["account__login", "subject", "body"]
    autocomplete_fields: ClassVar[list[str]] = ["account"]
    change_form_after_template = "admin/seats/githubuser/story.html"
    change_form_outer_after_template = "admin/seats/noticetemplate/preview.html"

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ["portal/notices.css"]}

    def row_title(self, row: NoticeTemplate) -> str:
        return capfirst(str(row))

    @display(description="whose", ordering="scope_key")
    def scope(self, template: NoticeTemplate) -> str:
        return template.account.label if template.account else "everybody"

    @display(description="default language", boolean=True, ordering="is_default")
    def default_label(self, template: NoticeTemplate) -> bool:
        return template.is_default

    def has_delete_permission(self, request: HttpRequest, obj: NoticeTemplate | None = None) -> bool:
        """The words that speak where no others do stay."""
        is_last_resort = obj is not None and obj.account_id is None and obj.language == ENGLISH
        return not is_last_resort and bool(super().has_delete_permission(request, obj))

    # --- Saving ---

    def save_model(self, request: HttpRequest, obj: NoticeTemplate, form: Any, change: bool) -> None:
        was = NoticeTemplate.objects.filter(pk=obj.pk).first()
        super().save_model(request, obj, form, change)
        if obj.is_default:
            same = NoticeTemplate.objects.filter(scope_key=obj.scope_key, kind=obj.kind)
            same.exclude(pk=obj.pk).update(is_default=False)
        detail: dict[str, Any] = changes(was, obj) if was else {"is": str(obj), "subject": obj.subject}
        _record("notice template changed" if was else "notice template added", request, obj, detail)

    def delete_model(self, request: HttpRequest, obj: NoticeTemplate) -> None:
        _record("notice template deleted", request, obj, {"was": str(obj)})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for template in queryset:
            _record("notice template deleted", request, template, {"was": str(template)})
        super().delete_queryset(request, queryset)

    # --- Preview ---

    def get_urls(self) -> list[URLPattern]:
        send = self.admin_site.admin_view(require_POST(self.send_test_mail))
        return [path("<int:pk>/test-mail/", send, name="seats_noticetemplate_test"), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: NoticeTemplate | None) -> dict[str, Any]:
        kinds = [Kind(row.kind)] if row is not None else list(Kind)
        context: dict[str, Any] = {"tables": [_placeholders(kind) for kind in kinds]}
        if row is not None:
            context |= {
                "preview": _sample_mail(row),
                "may_send": self.has_change_permission(request, row),
                "test_url": reverse("admin:seats_noticetemplate_test", args=[row.pk]),
                "own_address": getattr(request.user, "email", ""),
            }
        return context

    def send_test_mail(self, request: HttpRequest, pk: int) -> HttpResponse:
        template = get_object_or_404(NoticeTemplate, pk=pk)
        if not self.has_change_permission(request, template):
            raise PermissionDenied
        address = getattr(request.user, "email", "")
        mail = _sample_mail(template)
        if not address:
            messages.error(request, "Your own user has no e-mail address. Enter one under Users.")
        else:
            try:
                with Outbox() as outbox:
                    outbox.send(address, f"[Test] {mail.subject}", mail.body)
            except (Refused, Unreachable) as error:
                messages.error(request, str(error))
            else:
                _record("test mail sent", request, template, {})
                messages.success(request, f"A test mail is on its way to {address}.")
        return HttpResponseRedirect(reverse("admin:seats_noticetemplate_change", args=[pk]))


def _placeholders(kind: Kind) -> Table:
    return Table(
        f"What may stand in words {kind.label}",
        ["Placeholder", "Stands for"],
        [[Cell(f"{{{{ {name} }}}}"), Cell(meaning)] for name, meaning in PLACEHOLDERS[kind].items()],
        note="Everything else is plain text. A line whose placeholders are all empty is left out.",
    )


def _sample_mail(template: NoticeTemplate) -> Mail:
    """The mail as an invented person would get it. Its link leads nowhere."""
    until, used_on = today() + timedelta(days=9), today() - timedelta(days=75)
    return write(
        template,
        {
            "login": "octocat", "name": "Mona Lisa Octocat", "plan": "Business", "monthly_cost": "19.00 USD",
            "organization": template.account.label if template.account else "your organization",
            "last_used": used_on.isoformat(), "days_idle": "75", "answer_until": until.isoformat(),
            "reason": f"Last used on {used_on}, 75 days ago, by the seat list.",
            "link": f"{settings.PORTAL_URL}{reverse('seats:still_needed')}?key=this-is-a-sample",
            "team": "Web platform", "count": "2",
            "people": f"  hubot    {used_on}  {until}\n  octocat  –           {until}",
        },
    )  # fmt: skip


def _record(action: str, request: HttpRequest, template: NoticeTemplate, detail: dict[str, Any]) -> None:
    AuditEntry.objects.record(
        action, subject=f"notice template:{template.pk}", actor=request.user, detail=detail
    )
