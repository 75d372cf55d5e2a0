from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("seats", "0004_rosters_seen_again"),
    ]

    operations = []
