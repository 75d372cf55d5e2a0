import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0008_weeks_added_up"), ("seats", "0001_accounts_people_and_seats")]

    operations = [
        migrations.CreateModel(
            name="SeatSets",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("held", "who held a seat"), ("granted", "who was granted a seat")],
                        max_length=10,
                    ),
                ),
                ("stamps", models.JSONField(default=dict)),
                ("sets", models.BinaryField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="seats.account"
                    ),
                ),
            ],
            options={"ordering": ["account", "kind"]},
        ),
        migrations.AddConstraint(
            model_name="seatsets",
            constraint=models.UniqueConstraint(
                fields=("account", "kind"), name="metrics_seat_sets_once_per_kind"
            ),
        ),
    ]
