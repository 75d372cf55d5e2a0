"""Have every covered day added up again: now with the breakdowns of its people.

The worker rebuilds marked days by itself, the newest first.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AT_A_TIME = 1_000


def mark(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    covered = apps.get_model("metrics", "ReportDay").objects.filter(report="users").order_by()
    dirty = apps.get_model("metrics", "DirtyDay").objects
    days = list(covered.values_list("account_id", "day"))
    for start in range(0, len(days), AT_A_TIME):
        dirty.bulk_create(
            (
                dirty.model(account_id=account_id, day=day)
                for account_id, day in days[start : start + AT_A_TIME]
            ),
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    dependencies = [("metrics", "0004_days_broken_down")]
    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
