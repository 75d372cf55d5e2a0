"""Sums and sets of whole usual periods; the worker fills them in its next round."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0012_newest_of_a_week"),
        ("seats", "0011_lists_joined_from_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="PeriodPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first", models.DateField()),
                ("last", models.DateField()),
                ("part", models.CharField(max_length=40)),
                ("blob", models.BinaryField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="seats.account"
                    ),
                ),
            ],
            options={
                "ordering": ["account", "-last", "first", "part"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "last", "first", "part"), name="metrics_period_part_once"
                    )
                ],
            },
        ),
    ]
