"""How often each table was written to: what was worked out from tables is up to date until then."""

from __future__ import annotations

from django.db import models


class TableStamp(models.Model):
    """A table of the database, and a number that every transaction that writes to it raises.

    `portal.stamps` alone raises it, together with what was written.
    """

    table = models.CharField(max_length=100, primary_key=True)
    number = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["table"]

    def __str__(self) -> str:
        return f"{self.table}: {self.number}"
