"""How soon seats were used is stored beside the sets of seats; choices alone, the table stays as it is."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0014_weeks_by_name")]

    operations = [
        migrations.AlterField(
            model_name="seatsets",
            name="kind",
            field=models.CharField(
                choices=[
                    ("held", "who held a seat"),
                    ("granted", "who was granted a seat"),
                    ("dates", "how many seats, by the days that matter"),
                    ("first use", "how soon seats were used, by month of the grant"),
                ],
                max_length=10,
            ),
        )
    ]
