"""Days whose newest file is a complete one are closed by it."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import F


def close(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Where a newer one that is not complete came behind it nobody knows any more."""
    days = apps.get_model("metrics", "ReportDay").objects.filter(is_complete=True)
    days.update(closed_at=F("observed_at"), closed_by=F("file"))


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0017_days_closed_by_a_complete_file"),
    ]

    operations = [
        migrations.RunPython(close, migrations.RunPython.noop),
    ]
