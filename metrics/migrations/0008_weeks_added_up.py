"""Weeks added up from their days; every covered week is marked, and the worker writes them by itself."""

from __future__ import annotations

from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AT_A_TIME = 1_000


def mark(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    covered = apps.get_model("metrics", "ReportDay").objects.filter(report__in=["users", "scope"]).order_by()
    dirty = apps.get_model("metrics", "DirtyWeek").objects
    weeks = sorted(
        {
            (account_id, day - timedelta(days=day.weekday()))
            for account_id, day in covered.values_list("account_id", "day")
        }
    )
    for start in range(0, len(weeks), AT_A_TIME):
        dirty.bulk_create(
            dirty.model(account_id=account_id, monday=monday)
            for account_id, monday in weeks[start : start + AT_A_TIME]
        )


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0007_restatements"),
        ("seats", "0011_lists_joined_from_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="DirtyWeek",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("monday", models.DateField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="seats.account"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "monday"), name="metrics_dirty_week_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="WeekTotals",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("part", models.CharField(max_length=20)),
                ("monday", models.DateField()),
                ("blob", models.BinaryField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="seats.account"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "part", "monday"), name="metrics_week_totals_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WeekUsers",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("monday", models.DateField()),
                ("kind", models.CharField(max_length=255)),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        help_text="A bit for each day that has sets; Monday's is 1."
                    ),
                ),
                ("users", models.BinaryField(help_text="Bitmap of GitHubUser keys.")),
                (
                    "weekend_users",
                    models.BinaryField(help_text="Those of them who did it at the weekend alone."),
                ),
                ("user_days", models.PositiveIntegerField(help_text="People of each day, added up.")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="seats.account"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "monday", "kind"), name="metrics_week_users_once"
                    )
                ],
            },
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
