from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0002_connections"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="deaths",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="job",
            name="note",
            field=models.CharField(blank=True, help_text="What it is at, in words.", max_length=200),
        ),
        migrations.AddField(
            model_name="job",
            name="progress_at_death",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="job",
            name="retries",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Tries that ended in trouble at GitHub's end, in a row."
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="run_after",
            field=models.DateTimeField(
                blank=True,
                help_text="It is not started before this.",
                null=True,
                verbose_name="waits until",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="woken_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="worker",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="Host and process that has it, or had it last.",
                max_length=120,
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["state", "run_after"], name="portal_job_waiting"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["kind", "subject", "state", "-id"], name="portal_job_last_done"),
        ),
    ]
