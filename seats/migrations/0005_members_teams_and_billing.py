import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("seats", "0004_rosters_seen_again"),
    ]

    operations = [
        migrations.AddField(
            model_name="team",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[("organization", "of an organization"), ("enterprise", "of an enterprise")],
                help_text="Empty until GitHub's list of teams told.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="description",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="team",
            name="privacy",
            field=models.CharField(
                blank=True,
                help_text="An open set: GitHub writes `closed` for visible, and `secret`.",
                max_length=40,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="listed_at",
            field=models.DateTimeField(
                blank=True,
                help_text="The first list of teams that showed it; empty: met by reports only.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="gone_at",
            field=models.DateTimeField(
                blank=True, help_text="The first list of teams that no longer shows it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="members_read_at",
            field=models.DateTimeField(
                blank=True, help_text="When the list of its members was last read whole.", null=True
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="members_empty_since",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="teammembership",
            name="role",
            field=models.CharField(
                choices=[("member", "member"), ("maintainer", "maintainer")],
                default="member",
                help_text="Reports of usage tell none.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="teammembership",
            name="is_inherited",
            field=models.BooleanField(
                default=False,
                help_text="In a team below this one, and so in this one.",
                verbose_name="by a child team",
            ),
        ),
        migrations.CreateModel(
            name="OrganizationMembership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("member", "member"), ("admin", "owner")], default="member", max_length=20
                    ),
                ),
                (
                    "first_seen_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="The first list that shows it."
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="seats.account",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="organization_memberships",
                        to="seats.githubuser",
                    ),
                ),
            ],
            options={
                "ordering": ["account", "user"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "user"), name="seats_organization_membership_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Listing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "what",
                    models.CharField(choices=[("members", "members"), ("teams", "teams")], max_length=20),
                ),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                ("rows", models.PositiveIntegerField(default=0)),
                ("empty_since", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="listings",
                        to="seats.account",
                    ),
                ),
            ],
            options={
                "ordering": ["account", "what"],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "what"), name="seats_listing_once_per_account")
                ],
            },
        ),
        migrations.CreateModel(
            name="BillingSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(help_text="The UTC day on which GitHub said so.")),
                ("observed_at", models.DateTimeField()),
                ("total", models.PositiveIntegerField(blank=True, null=True, verbose_name="seats")),
                ("added_this_cycle", models.PositiveIntegerField(blank=True, null=True)),
                ("pending_cancellation", models.PositiveIntegerField(blank=True, null=True)),
                ("pending_invitation", models.PositiveIntegerField(blank=True, null=True)),
                ("active_this_cycle", models.PositiveIntegerField(blank=True, null=True)),
                ("inactive_this_cycle", models.PositiveIntegerField(blank=True, null=True)),
                ("plan_type", models.CharField(blank=True, max_length=40, verbose_name="plan")),
                ("seat_management_setting", models.CharField(blank=True, max_length=40)),
                ("public_code_suggestions", models.CharField(blank=True, max_length=40)),
                ("ide_chat", models.CharField(blank=True, max_length=40, verbose_name="chat in the IDE")),
                (
                    "platform_chat",
                    models.CharField(blank=True, max_length=40, verbose_name="chat on the platform"),
                ),
                ("cli", models.CharField(blank=True, max_length=40, verbose_name="CLI")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="billing_summaries",
                        to="seats.account",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "billing summaries",
                "ordering": ["account", "-day"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "day"), name="seats_billing_summary_once_per_day"
                    )
                ],
            },
        ),
    ]
