from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("seats", "0002_default_policy_and_prices"),
        ("portal", "0002_connections"),
    ]

    operations = []
