"""A day remembers the newest complete file about it beside the newest of all."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0016_who_holds_a_seat_now"),
        ("portal", "0011_words_of_scheduled_reports"),
    ]

    operations = [
        migrations.AddField(
            model_name="reportday",
            name="closed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="reportday",
            name="closed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="closed_days",
                to="portal.reportfile",
            ),
        ),
    ]
