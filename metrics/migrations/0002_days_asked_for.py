from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0001_days_and_rosters"),
    ]

    operations = []
