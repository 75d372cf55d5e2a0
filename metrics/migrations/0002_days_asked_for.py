import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0001_days_and_rosters"),
        ("seats", "0002_default_policy_and_prices"),
    ]

    operations = [
        migrations.CreateModel(
            name="AskedDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("report", models.CharField(max_length=40)),
                ("day", models.DateField()),
                ("asked_at", models.DateTimeField()),
                (
                    "answer",
                    models.CharField(
                        choices=[("none", "no report"), ("refused", "refused")], default="none", max_length=20
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="seats.account"
                    ),
                ),
            ],
            options={
                "ordering": ["account", "report", "-day"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "report", "day"), name="metrics_asked_day_once"
                    )
                ],
            },
        ),
    ]
