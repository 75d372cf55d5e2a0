"""Weeks also tell their sums by each name alone; those that stand are written anew by the worker."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AT_A_TIME = 1_000


def mark(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Until then they are read as they are: nothing that they say is untrue."""
    stored = apps.get_model("metrics", "WeekTotals").objects
    dirty = apps.get_model("metrics", "DirtyWeek").objects
    weeks = sorted(stored.order_by().values_list("account_id", "monday").distinct())
    for start in range(0, len(weeks), AT_A_TIME):
        dirty.bulk_create(
            (
                dirty.model(account_id=account_id, monday=monday)
                for account_id, monday in weeks[start : start + AT_A_TIME]
            ),
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0013_parts_of_periods"),
    ]

    operations = [
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
