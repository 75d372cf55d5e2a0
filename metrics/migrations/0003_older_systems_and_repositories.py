import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0002_days_asked_for"),
        ("portal", "0001_files_jobs_and_audit"),
        ("seats", "0002_default_policy_and_prices"),
    ]

    operations = [
        # The constraint's index begins with the account.
        migrations.AlterField(
            model_name="userday",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="seats.account",
            ),
        ),
        migrations.AddField(
            model_name="userday",
            name="line_hash",
            field=models.BinaryField(max_length=16, null=True),
        ),
        migrations.AlterField(
            model_name="reportday",
            name="report",
            field=models.CharField(
                choices=[
                    ("users", "per-user usage"),
                    ("scope", "account totals"),
                    ("user-teams", "team membership"),
                    ("repositories", "repositories"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="LegacyDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "team_slug",
                    models.CharField(
                        blank=True,
                        help_text="Lower-cased; empty for the whole account.",
                        max_length=255,
                        verbose_name="team",
                    ),
                ),
                (
                    "api",
                    models.CharField(
                        choices=[("metrics", "copilot/metrics"), ("usage", "copilot/usage")],
                        max_length=10,
                        verbose_name="system",
                    ),
                ),
                ("day", models.DateField()),
                ("total_active_users", models.PositiveIntegerField(null=True, verbose_name="active users")),
                (
                    "total_engaged_users",
                    models.PositiveIntegerField(
                        help_text="Who accepted or used a feature; only the metrics API has it.",
                        null=True,
                        verbose_name="engaged users",
                    ),
                ),
                ("total_code_suggestions", models.BigIntegerField(null=True, verbose_name="suggestions")),
                ("total_code_acceptances", models.BigIntegerField(null=True, verbose_name="acceptances")),
                (
                    "total_code_lines_suggested",
                    models.BigIntegerField(null=True, verbose_name="lines suggested"),
                ),
                (
                    "total_code_lines_accepted",
                    models.BigIntegerField(null=True, verbose_name="lines accepted"),
                ),
                (
                    "total_chats",
                    models.BigIntegerField(
                        help_text="In editors; `total_chat_turns`, too.", null=True, verbose_name="chats"
                    ),
                ),
                (
                    "total_chat_insertion_events",
                    models.BigIntegerField(null=True, verbose_name="chat insertions"),
                ),
                ("total_chat_copy_events", models.BigIntegerField(null=True, verbose_name="chat copies")),
                (
                    "total_chat_acceptances",
                    models.BigIntegerField(
                        help_text="Only the usage API has it.", null=True, verbose_name="chat acceptances"
                    ),
                ),
                (
                    "total_chat_users",
                    models.PositiveIntegerField(
                        help_text="Engaged in editor chat; `total_active_chat_users`, too.",
                        null=True,
                        verbose_name="chat users",
                    ),
                ),
                ("total_dotcom_chats", models.BigIntegerField(null=True, verbose_name="chats on github.com")),
                (
                    "total_pr_summaries_created",
                    models.BigIntegerField(null=True, verbose_name="pull request summaries"),
                ),
                ("observed_at", models.DateTimeField()),
                ("content_hash", models.BinaryField(max_length=16)),
                ("blob", models.BinaryField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="legacy_days",
                        to="seats.account",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portal.reportfile"
                    ),
                ),
            ],
            options={
                "ordering": ["-day", "-id"],
                "indexes": [
                    models.Index(fields=["-day", "-id"], name="metrics_legacy_day_newest"),
                    models.Index(fields=["account", "-day", "-id"], name="metrics_legacy_by_account"),
                    models.Index(fields=["team_slug", "-day", "-id"], name="metrics_legacy_by_team"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "team_slug", "api", "day"), name="metrics_legacy_day_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RepositoryDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "repo_id",
                    models.BigIntegerField(
                        help_text="GitHub's number: names change.", verbose_name="repository id"
                    ),
                ),
                ("day", models.DateField()),
                ("repo_owner_name", models.CharField(blank=True, max_length=255, verbose_name="owner")),
                (
                    "repo_name",
                    models.CharField(blank=True, db_index=True, max_length=255, verbose_name="repository"),
                ),
                ("repo_visibility", models.CharField(blank=True, max_length=255, verbose_name="visibility")),
                ("total_created", models.BigIntegerField(null=True, verbose_name="created")),
                ("total_reviewed", models.BigIntegerField(null=True, verbose_name="reviewed")),
                ("total_merged", models.BigIntegerField(null=True, verbose_name="merged")),
                ("total_suggestions", models.BigIntegerField(null=True, verbose_name="suggestions")),
                (
                    "total_applied_suggestions",
                    models.BigIntegerField(null=True, verbose_name="applied suggestions"),
                ),
                (
                    "total_created_by_copilot",
                    models.BigIntegerField(null=True, verbose_name="created by Copilot"),
                ),
                (
                    "total_reviewed_by_copilot",
                    models.BigIntegerField(null=True, verbose_name="reviewed by Copilot"),
                ),
                (
                    "total_merged_created_by_copilot",
                    models.BigIntegerField(null=True, verbose_name="merged, created by Copilot"),
                ),
                (
                    "total_merged_reviewed_by_copilot",
                    models.BigIntegerField(null=True, verbose_name="merged, reviewed by Copilot"),
                ),
                (
                    "total_copilot_suggestions",
                    models.BigIntegerField(null=True, verbose_name="Copilot's suggestions"),
                ),
                (
                    "total_copilot_applied_suggestions",
                    models.BigIntegerField(null=True, verbose_name="Copilot's applied suggestions"),
                ),
                ("observed_at", models.DateTimeField()),
                ("content_hash", models.BinaryField(max_length=16)),
                ("blob", models.BinaryField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="repository_days",
                        to="seats.account",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portal.reportfile"
                    ),
                ),
            ],
            options={
                "ordering": ["-day", "-id"],
                "indexes": [
                    models.Index(fields=["-day", "-id"], name="metrics_repo_day_newest"),
                    models.Index(fields=["account", "-day", "-id"], name="metrics_repo_day_by_account"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "repo_id", "day"), name="metrics_repository_day_once"
                    )
                ],
            },
        ),
    ]
