"""A report with what it is asked, kept under a name; its readers need the report's permission."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from portal.one_line import is_one_line
from portal.reports import registry
from portal.reports.base import Report, ReportError, ReportQuery


class SavedReportQuerySet(models.QuerySet["SavedReport"]):
    def readable_by(self, user: Any) -> SavedReportQuerySet:
        """Their own and those shared with them, of reports that they may read today."""
        names = [report.name for report in registry.all_reports() if report.is_open_to(user)]
        chosen = Q(sharing=SavedReport.Sharing.CHOSEN)
        with_user = SavedReport.objects.filter(chosen, users=user.pk).order_by().values("pk")
        groups = user.groups.values("pk")
        with_groups = SavedReport.objects.filter(chosen, groups__in=groups).order_by().values("pk")
        is_shared = Q(sharing=SavedReport.Sharing.EVERYONE) | Q(pk__in=with_user) | Q(pk__in=with_groups)
        return self.filter(is_shared | Q(owner=user.pk), report__in=names)


class SavedReport(models.Model):
    class Sharing(models.TextChoices):
        NOBODY = "nobody", "nobody else"
        EVERYONE = "everyone", "everybody who may read the report"
        CHOSEN = "chosen", "chosen people and groups, if they may read the report"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"
        NDJSON = "ndjson", "NDJSON"

    name = models.CharField(max_length=120)
    report = models.CharField(max_length=60)
    # Texts, as an address has them: periods are counted from the day on which it is read.
    filters = models.JSONField(default=dict, blank=True)
    file_format = models.CharField("format", max_length=10, choices=Format.choices, default=Format.CSV)
    has_header = models.BooleanField(
        "header block", default=False, help_text="The file says what it is: scope, days, freshness, columns."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="saved_reports"
    )
    sharing = models.CharField("shared with", max_length=10, choices=Sharing.choices, default=Sharing.NOBODY)
    groups = models.ManyToManyField("auth.Group", blank=True, related_name="+")
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name="people"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    objects = SavedReportQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The name must be a line, and the report exist and be able to answer what is kept."""
        if not is_one_line(self.name):
            says = "A name is one line of text: take out line breaks, tabs and other control characters."
            raise ValidationError({"name": says})
        try:
            kept = self.known.filters(self.filters if isinstance(self.filters, dict) else {})
            unknown = set(self.filters) - set(kept)
            if unknown:
                raise ReportError(f"The report {self.report} does not take {', '.join(sorted(unknown))}.")
            self.query()
        except ReportError as error:
            raise ValidationError(str(error)) from None

    @property
    def known(self) -> Report:
        """The report itself; ReportError if there is none of that name any more."""
        return registry.get(self.report)

    def query(self) -> ReportQuery:
        """The question as of today; ReportError if it cannot be put any more."""
        return self.known.read(self.filters, by_label=True)

    def url(self) -> str:
        """The page of the report with these filters."""
        asked = urlencode({**self.filters, **({"header": "1"} if self.has_header else {})})
        return f"{reverse('reports:report', args=[self.report])}{f'?{asked}' if asked else ''}"

    def is_of(self, user: Any) -> bool:
        """Whether this user may change it: its owner, or a superuser."""
        return bool(user.is_superuser or (self.owner_id is not None and self.owner_id == user.pk))
