import datetime

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import portal.models.sync_schedule


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
        migrations.CreateModel(
            name="WorkerHeartbeat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("host", models.CharField(max_length=120)),
                ("pid", models.PositiveIntegerField(verbose_name="process")),
                (
                    "started_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="at work since"),
                ),
                ("seen_at", models.DateTimeField(verbose_name="last seen")),
                ("workers", models.PositiveSmallIntegerField(default=1)),
                ("busy", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "verbose_name": "background worker",
                "ordering": ["-seen_at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("host", "pid"), name="portal_workerheartbeat_one_per_process"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SyncSchedule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("seats", "seats"),
                            ("members", "members"),
                            ("teams", "teams"),
                            ("billing", "billing"),
                            ("usage", "usage reports"),
                            ("legacy", "older metrics APIs"),
                        ],
                        max_length=20,
                        verbose_name="what",
                    ),
                ),
                ("is_on", models.BooleanField(default=True, verbose_name="on")),
                (
                    "cadence",
                    models.CharField(
                        choices=[
                            ("hourly", "every hour"),
                            ("every-hours", "every few hours"),
                            ("daily", "once a day"),
                        ],
                        default="daily",
                        max_length=20,
                        verbose_name="how often",
                    ),
                ),
                (
                    "every_hours",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (2, "2 hours"),
                            (3, "3 hours"),
                            (4, "4 hours"),
                            (6, "6 hours"),
                            (8, "8 hours"),
                            (12, "12 hours"),
                        ],
                        default=6,
                        help_text="Where it is every few hours; counted from midnight.",
                        verbose_name="hours between",
                    ),
                ),
                (
                    "daily_at",
                    models.TimeField(
                        default=datetime.time(6, 30),
                        help_text="Where it is once a day.",
                        verbose_name="at",
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        help_text="Of midnight and of the time of day.",
                        max_length=64,
                        validators=[portal.models.sync_schedule.check_time_zone],
                    ),
                ),
                (
                    "next_run_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="next run"),
                ),
                (
                    "last_enqueued_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="last run"),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sync_schedules",
                        to="portal.connection",
                    ),
                ),
            ],
            options={
                "ordering": ["connection__name", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "kind"), name="portal_syncschedule_one_per_kind"
                    )
                ],
            },
        ),
    ]
