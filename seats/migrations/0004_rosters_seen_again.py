from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("seats", "0003_accounts_connections"),
    ]

    operations = []
