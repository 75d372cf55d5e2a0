"""A line that could not be read: kept with its reason, so that nothing is lost and it can be retried."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from portal.models.report_file import ReportFile

KEPT_OF_A_LINE = 64 * 1024


def readable(raw: bytes) -> str:
    """A rejected line as text a database keeps."""
    return raw[:KEPT_OF_A_LINE].decode("utf-8", "replace").replace("\0", "\N{SYMBOL FOR NULL}")


class RejectedLineQuerySet(models.QuerySet["RejectedLine"]):
    def open(self) -> RejectedLineQuerySet:
        return self.filter(resolved_at=None)


class RejectedLine(models.Model):
    file = models.ForeignKey(ReportFile, on_delete=models.CASCADE, related_name="rejected_lines")
    line_number = models.PositiveBigIntegerField(
        help_text="Physical line from 1; in an array or a seat list the element's number."
    )
    reason = models.TextField()
    line = models.TextField(help_text="As received, cut to 64 KiB.")
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = RejectedLineQuerySet.as_manager()

    class Meta:
        ordering = ["file", "line_number"]
        constraints = [
            models.UniqueConstraint(fields=["file", "line_number"], name="portal_rejected_line_once_per_file")
        ]

    def __str__(self) -> str:
        # Without the reason, which quotes the line: pages print this for whoever sees the list.
        return f"line {self.line_number}"
