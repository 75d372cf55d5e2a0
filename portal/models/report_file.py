"""Everything ever taken in: what it was, what became of its rows, and the file itself while it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class ReportFileQuerySet(models.QuerySet["ReportFile"]):
    def accepted(self) -> ReportFileQuerySet:
        return self.filter(state=ReportFile.State.DONE)

    def unfinished(self) -> ReportFileQuerySet:
        return self.filter(state=ReportFile.State.READING)

    def kept(self) -> ReportFileQuerySet:
        return self.exclude(kept_path="")


class ReportFile(models.Model):
    class State(models.TextChoices):
        READING = "reading", "being read"
        DONE = "done", "taken in"
        UNDOING = "undoing", "being undone"
        UNDONE = "undone", "undone"

    class Source(models.TextChoices):
        UPLOAD = "upload", "uploaded"
        COMMAND = "command", "command line"
        DOWNLOAD = "download", "downloaded from GitHub"
        INBOX = "inbox", "watched folder"
        SAMPLE = "sample", "sample data"

    ROW_COUNTS: ClassVar[tuple[str, ...]] = (
        "rows_read",
        "rows_new",
        "rows_changed",
        "rows_unchanged",
        "rows_superseded",
        "rows_rejected",
    )

    source = models.CharField(max_length=20, choices=Source.choices)
    kind = models.CharField(max_length=40, help_text="The report, told from its content: `users-28-day`.")
    subject = models.CharField(max_length=120, blank=True, help_text="The account it is about, as text.")
    name = models.CharField(max_length=255, help_text="The file's name as given; nothing is derived from it.")
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField(help_text="Bytes as received.")
    observed_at = models.DateTimeField(
        null=True, blank=True, help_text="The newest moment whose state it shows; newer facts win."
    )
    first_day = models.DateField(null=True, blank=True)
    last_day = models.DateField(null=True, blank=True)
    is_complete = models.BooleanField(
        "complete", default=False, help_text="Whoever is not in it is not there: it also removes."
    )
    options = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.READING)
    # Records up to this one are committed; a killed import goes on behind it.
    records_done = models.PositiveBigIntegerField(default=0)
    rows_read = models.PositiveBigIntegerField("rows", default=0)
    rows_new = models.PositiveBigIntegerField("new", default=0)
    rows_changed = models.PositiveBigIntegerField("changed", default=0)
    rows_unchanged = models.PositiveBigIntegerField("unchanged", default=0)
    rows_superseded = models.PositiveBigIntegerField("superseded", default=0)
    rows_rejected = models.PositiveBigIntegerField("rejected", default=0)
    removed = models.JSONField(default=list, blank=True, help_text="Rows that a complete file took out.")
    conflicts = models.PositiveBigIntegerField(
        default=0, help_text="Rows that say otherwise than another file of the same moment."
    )
    kept_path = models.CharField(max_length=255, blank=True, editable=False)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    received_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ReportFileQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("undo_reportfile", "Can undo files that were taken in")]
        indexes = [models.Index(fields=["subject", "kind"], name="portal_file_by_subject")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    rows_read=models.F("rows_new")
                    + models.F("rows_changed")
                    + models.F("rows_unchanged")
                    + models.F("rows_superseded")
                    + models.F("rows_rejected")
                ),
                name="portal_file_rows_add_up",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kept_file(self) -> Path | None:
        """The kept, zstd-compressed copy, or None when it is no longer kept."""
        return settings.DATA_DIR / self.kept_path if self.kept_path else None

    def row_counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.ROW_COUNTS}
