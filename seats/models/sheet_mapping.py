"""Which column of somebody's spreadsheet is which field: remembered, so that it is said once."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class SheetMapping(models.Model):
    """`columns` says for each header of the sheet which column of ours it is; empty: it is not read."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    table = models.CharField(max_length=100)
    columns = models.JSONField(default=dict)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["user", "table"]
        constraints = [
            models.UniqueConstraint(fields=["user", "table"], name="seats_sheet_mapping_once_per_table")
        ]

    def __str__(self) -> str:
        return f"{self.table}: {len(self.columns)} columns"
