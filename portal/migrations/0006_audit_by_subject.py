from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portal", "0005_schedules_for_connections")]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["subject", "sequence"], name="portal_audit_by_subject"),
        ),
    ]
