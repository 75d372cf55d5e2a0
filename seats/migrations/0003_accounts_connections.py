import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("seats", "0002_default_policy_and_prices"),
        ("portal", "0002_connections"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                help_text="How GitHub is asked about it. An organization without one uses its enterprise's.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="accounts",
                to="portal.connection",
            ),
        ),
    ]
