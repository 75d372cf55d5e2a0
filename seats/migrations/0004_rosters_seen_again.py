import django.db.models.deletion
from django.db import migrations, models


def seen_once(apps, schema_editor):
    """Every roster so far was seen at one moment."""
    apps.get_model("seats", "SeatRoster").objects.update(last_observed_at=models.F("observed_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("seats", "0003_accounts_connections"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="seatroster",
            options={
                "ordering": ["account", "-observed_at"],
                "permissions": [
                    ("confirm_seatroster", "Can end the seats that a held-back roster no longer lists")
                ],
            },
        ),
        migrations.AddField(
            model_name="seatroster",
            name="last_observed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="seatroster",
            name="seen_again_at",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AddField(
            model_name="seatroster",
            name="held_back",
            field=models.PositiveIntegerField(
                default=0, help_text="Seats it no longer lists: too many to end by themselves."
            ),
        ),
        migrations.AddField(
            model_name="seatroster",
            name="digest",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="SHA-256 of all it says, in one order.",
                max_length=64,
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="seatroster",
            name="is_confirmed",
            field=models.BooleanField(
                default=False, help_text="It is the whole list: whoever is not on it holds no seat."
            ),
        ),
        migrations.RunPython(seen_once, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="seatroster",
            name="last_observed_at",
            field=models.DateTimeField(help_text="The same list was seen again, last at this moment."),
        ),
        migrations.AddConstraint(
            model_name="seatroster",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_observed_at__gte", models.F("observed_at"))),
                name="seats_roster_seen_again_after_it_was_seen",
            ),
        ),
        migrations.CreateModel(
            name="CurrentRoster",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "seats",
                    models.PositiveIntegerField(
                        help_text="How many seats it shows; several grants may be of one."
                    ),
                ),
                (
                    "content",
                    models.BinaryField(help_text="What it says, line by line, sorted and compressed."),
                ),
                (
                    "logins_known_on",
                    models.DateField(help_text="The sightings of its logins are written up to this day."),
                ),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="current_roster",
                        to="seats.account",
                    ),
                ),
                (
                    "roster",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="seats.seatroster",
                    ),
                ),
            ],
        ),
    ]
