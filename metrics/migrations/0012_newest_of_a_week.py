"""Weeks also tell who had which client and phase last; those that stand are written anew by the worker."""

from __future__ import annotations

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AT_A_TIME = 1_000


def mark(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    stored = apps.get_model("metrics", "WeekUsers").objects
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
    # Until then their days are read.
    stored.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0011_days_of_seats"),
    ]

    operations = [
        migrations.AlterField(
            model_name="weekusers",
            name="kind",
            field=models.CharField(max_length=260),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
