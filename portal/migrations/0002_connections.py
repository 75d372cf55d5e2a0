from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0001_files_jobs_and_audit"),
    ]

    operations = []
