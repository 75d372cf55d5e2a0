from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0002_days_asked_for"),
    ]

    operations = []
