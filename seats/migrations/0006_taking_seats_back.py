import datetime

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import seats.models.notice


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "__first__"),
        ("seats", "0005_members_teams_and_billing"),
    ]

    operations = [
        migrations.CreateModel(
            name="WorkingCalendar",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                ("monday", models.BooleanField(default=True)),
                ("tuesday", models.BooleanField(default=True)),
                ("wednesday", models.BooleanField(default=True)),
                ("thursday", models.BooleanField(default=True)),
                ("friday", models.BooleanField(default=True)),
                ("saturday", models.BooleanField(default=False)),
                ("sunday", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("monday", True),
                            ("tuesday", True),
                            ("wednesday", True),
                            ("thursday", True),
                            ("friday", True),
                            ("saturday", True),
                            ("sunday", True),
                            _connector="OR",
                        ),
                        name="seats_calendar_has_a_working_day",
                        violation_error_message="Choose at least one working day.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Holiday",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="holidays",
                        to="seats.workingcalendar",
                    ),
                ),
                ("day", models.DateField()),
                ("name", models.CharField(blank=True, max_length=100)),
            ],
            options={
                "ordering": ["calendar", "day"],
                "constraints": [
                    models.UniqueConstraint(fields=("calendar", "day"), name="seats_holiday_once_per_day")
                ],
            },
        ),
        migrations.AlterModelOptions(
            name="seatreview",
            options={
                "ordering": ["-id"],
                "permissions": [("decide_seatreview", "Can decide reviews of seats")],
            },
        ),
        migrations.RemoveConstraint(
            model_name="seatreview",
            name="seats_review_open_key_while_open",
        ),
        migrations.AddField(
            model_name="exemption",
            name="kind",
            field=models.CharField(
                choices=[
                    ("other", "other"),
                    ("new_starter", "new starter"),
                    ("leave", "leave"),
                    ("service_account", "service account"),
                ],
                default="other",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="exemption",
            name="login_pattern",
            field=models.CharField(
                blank=True,
                help_text="Whose login fits: svc-* or *-bot, say. A star is any text.",
                max_length=100,
            ),
        ),
        migrations.AddField(
            model_name="exemption",
            name="newcomer_days",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Whoever was first seen with a seat at most this many days ago.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(3650)],
            ),
        ),
        migrations.AddField(
            model_name="exemption",
            name="owner",
            field=models.CharField(
                blank=True, help_text="Who answers for it: a name or an address.", max_length=150
            ),
        ),
        migrations.AddField(
            model_name="exemption",
            name="team",
            field=models.ForeignKey(
                blank=True,
                help_text="Whoever is in the team, as last known, or was granted the seat by it.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="exemptions",
                to="seats.team",
            ),
        ),
        migrations.AddField(
            model_name="githubuser",
            name="contact_email",
            field=models.CharField(
                blank=True,
                help_text="Kept by hand: where notices go, before GitHub's address.",
                max_length=254,
            ),
        ),
        migrations.AddField(
            model_name="githubuser",
            name="email_told_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="githubuser",
            name="language",
            field=models.CharField(
                blank=True, help_text="Of notices, as en or pt-br; empty: the organization's.", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="githubuser",
            name="name_told_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="confirm_above",
            field=models.PositiveIntegerField(
                default=10, help_text="Whoever approves more seats than this types their number."
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="ends_on",
            field=models.DateField(
                blank=True, help_text="The last day it holds; empty: until it is changed.", null=True
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="keep_days",
            field=models.PositiveSmallIntegerField(
                default=90,
                help_text="How long a seat is left alone that somebody decided to keep.",
                validators=[django.core.validators.MaxValueValidator(3650)],
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="max_idle_jump",
            field=models.PositiveSmallIntegerField(
                default=10,
                help_text="In percentage points since the day before; beyond it something else is wrong.",
                verbose_name="largest jump of the idle share",
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="max_percent_per_day",
            field=models.PositiveSmallIntegerField(
                default=20, help_text="Of the account's seats. The lower of the two holds."
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="max_seats_per_day",
            field=models.PositiveIntegerField(
                default=200, help_text="Of one account, in all runs of a UTC day together."
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="min_watched_days",
            field=models.PositiveSmallIntegerField(
                default=7,
                help_text="No seat is taken back that we have not watched, without a gap, for this long.",
                validators=[django.core.validators.MaxValueValidator(3650)],
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="needs_second_person",
            field=models.BooleanField(
                default=False, help_text="Two people approve, neither of them the one who proposed."
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="needs_usage_reports",
            field=models.BooleanField(
                default=True,
                help_text="Take no seat back unless usage reports of the account have come within three days.",
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="starts_on",
            field=models.DateField(default=datetime.date(2000, 1, 1), help_text="The first day it holds."),
        ),
        migrations.AddField(
            model_name="seatreview",
            name="answer",
            field=models.CharField(blank=True, choices=[("needed", "still needs it")], max_length=20),
        ),
        migrations.AddField(
            model_name="seatreview",
            name="answered_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="seatreview",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                help_text="Who closed it or kept the seat; empty: the portal, or the person who holds it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="seatreview",
            name="decision",
            field=models.CharField(blank=True, help_text="Why it was decided so.", max_length=500),
        ),
        migrations.AddField(
            model_name="seatreview",
            name="kept_until",
            field=models.DateField(
                blank=True, help_text="The last day on which a kept seat is left alone.", null=True
            ),
        ),
        migrations.AddField(
            model_name="seatreview",
            name="notice_ends_on",
            field=models.DateField(
                blank=True, help_text="The last day on which the person may still answer.", null=True
            ),
        ),
        migrations.AddField(
            model_name="seatreview",
            name="notified_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="exemption",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="exemptions",
                to="seats.githubuser",
            ),
        ),
        migrations.AlterField(
            model_name="githubuser",
            name="email",
            field=models.CharField(blank=True, help_text="As GitHub told it.", max_length=254),
        ),
        migrations.AlterField(
            model_name="inactivitypolicy",
            name="grace_days",
            field=models.PositiveSmallIntegerField(
                default=14,
                help_text="A seat granted at most this many days ago is left alone.",
                validators=[django.core.validators.MaxValueValidator(3650)],
            ),
        ),
        migrations.AlterField(
            model_name="inactivitypolicy",
            name="idle_days",
            field=models.PositiveSmallIntegerField(
                default=30,
                help_text="Inactive when the newest evidence of use is more than this many days old.",
                validators=[django.core.validators.MaxValueValidator(3650)],
            ),
        ),
        migrations.AlterField(
            model_name="inactivitypolicy",
            name="max_percent_per_run",
            field=models.PositiveSmallIntegerField(
                default=10, help_text="Of the account's seats. The lower of the two holds."
            ),
        ),
        migrations.AlterField(
            model_name="inactivitypolicy",
            name="max_seats_per_run",
            field=models.PositiveIntegerField(default=50, help_text="Beyond it a run takes none back."),
        ),
        migrations.AlterField(
            model_name="inactivitypolicy",
            name="mode",
            field=models.CharField(
                choices=[("report_only", "report only"), ("propose", "propose"), ("automatic", "automatic")],
                default="report_only",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="inactivitypolicy",
            name="notice_days",
            field=models.PositiveSmallIntegerField(
                default=7,
                help_text="Days between telling the person and asking for approval.",
                validators=[django.core.validators.MaxValueValidator(3650)],
            ),
        ),
        migrations.AlterField(
            model_name="inactivitypolicy",
            name="scope_key",
            field=models.CharField(editable=False, max_length=40),
        ),
        migrations.AlterField(
            model_name="seatreview",
            name="state",
            field=models.CharField(
                choices=[
                    ("flagged", "flagged"),
                    ("notified", "notified"),
                    ("approved", "approved"),
                    ("revoked", "taken back, to be verified"),
                    ("failed", "failed"),
                    ("verified", "taken back"),
                    ("kept", "kept"),
                    ("reactivated", "came back to life"),
                    ("ended", "seat ended"),
                ],
                default="flagged",
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="seatreview",
            index=models.Index(fields=["state", "id"], name="seats_review_by_state"),
        ),
        migrations.AddIndex(
            model_name="seatreview",
            index=models.Index(fields=["notice_ends_on", "id"], name="seats_review_by_notice"),
        ),
        migrations.AddConstraint(
            model_name="exemption",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("login_pattern", ""),
                        ("newcomer_days", None),
                        ("team", None),
                        ("user__isnull", False),
                    ),
                    models.Q(
                        ("login_pattern", ""),
                        ("newcomer_days", None),
                        ("team__isnull", False),
                        ("user", None),
                    ),
                    models.Q(
                        ("newcomer_days", None),
                        ("team", None),
                        ("user", None),
                        models.Q(("login_pattern", ""), _negated=True),
                    ),
                    models.Q(
                        ("login_pattern", ""),
                        ("newcomer_days__isnull", False),
                        ("team", None),
                        ("user", None),
                    ),
                    _connector="OR",
                ),
                name="seats_exemption_is_of_one_target",
                violation_error_message="Choose one of person, team, login pattern and newcomer days.",
            ),
        ),
        migrations.AddConstraint(
            model_name="seatreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("open_key__isnull", False),
                        ("state__in", ["flagged", "notified", "approved", "revoked", "failed"]),
                    ),
                    models.Q(
                        models.Q(
                            ("state__in", ["flagged", "notified", "approved", "revoked", "failed"]),
                            _negated=True,
                        ),
                        ("open_key__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="seats_review_open_key_while_open",
            ),
        ),
        migrations.AddField(
            model_name="inactivitypolicy",
            name="working_calendar",
            field=models.ForeignKey(
                blank=True,
                help_text="Notice days are its working days, and seats are taken back on these alone. Empty: every day counts.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="policies",
                to="seats.workingcalendar",
            ),
        ),
        migrations.AddConstraint(
            model_name="inactivitypolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_percent_per_day__gte", 0), ("max_percent_per_day__lte", 100)),
                name="seats_policy_daily_percent_is_a_percentage",
                violation_error_message="A percentage lies between 0 and 100.",
            ),
        ),
        migrations.AddConstraint(
            model_name="inactivitypolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_idle_jump__gte", 0), ("max_idle_jump__lte", 100)),
                name="seats_policy_jump_is_in_percentage_points",
                violation_error_message="Percentage points lie between 0 and 100.",
            ),
        ),
        migrations.AddConstraint(
            model_name="inactivitypolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_on", None), ("ends_on__gte", models.F("starts_on")), _connector="OR"
                ),
                name="seats_policy_ends_after_it_starts",
                violation_error_message="A policy cannot end before it starts.",
            ),
        ),
        migrations.AddConstraint(
            model_name="inactivitypolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("scope_key", "all"), ("starts_on", datetime.date(2000, 1, 1)), _negated=True),
                    ("ends_on", None),
                    _connector="OR",
                ),
                name="seats_policy_of_last_resort_never_ends",
                violation_error_message="This policy holds where no other does: it cannot end.",
            ),
        ),
        migrations.AddConstraint(
            model_name="inactivitypolicy",
            constraint=models.UniqueConstraint(
                fields=("scope_key", "starts_on"), name="seats_policy_once_per_day"
            ),
        ),
        migrations.CreateModel(
            name="NoticeTemplate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scope_key", models.CharField(default="all", editable=False, max_length=40)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: every account without a template of its own.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notice_templates",
                        to="seats.account",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("person", "to the person who holds the seat"),
                            ("maintainers", "digest to a team's maintainers"),
                        ],
                        default="person",
                        max_length=20,
                    ),
                ),
                ("language", models.CharField(default="en", help_text="As en or pt-br.", max_length=10)),
                (
                    "is_default",
                    models.BooleanField(
                        default=False, help_text="The language for people of whom none is known."
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("body", models.TextField()),
            ],
            options={
                "ordering": ["scope_key", "kind", "language"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope_key", "kind", "language"),
                        name="seats_notice_template_once_per_language",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SeatCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "action",
                    models.CharField(choices=[("revoke", "take back"), ("grant", "grant")], max_length=20),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seat_calls",
                        to="seats.account",
                    ),
                ),
                ("path", models.CharField(help_text="Of GitHub's API, as it was called.", max_length=300)),
                ("logins", models.JSONField(default=list, help_text="The names sent.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("intended", "asked, no answer yet"),
                            ("answered", "answered"),
                            ("refused", "refused by GitHub"),
                            ("settled", "no answer; found out by reading"),
                        ],
                        default="intended",
                        max_length=20,
                    ),
                ),
                ("intended_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "status",
                    models.PositiveSmallIntegerField(blank=True, help_text="Of the HTTP answer.", null=True),
                ),
                (
                    "seats_changed",
                    models.PositiveIntegerField(
                        blank=True, help_text="GitHub's seats_cancelled or seats_created.", null=True
                    ),
                ),
                ("said", models.TextField(blank=True, help_text="GitHub's words, or why there are none.")),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the portal.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answered_at", None), ("state", "intended")),
                            models.Q(
                                models.Q(("state", "intended"), _negated=True), ("answered_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="seats_call_answered_at_a_moment",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RevocationBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revocation_batches",
                        to="seats.account",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "proposed"),
                            ("half_approved", "approved by one, a second is needed"),
                            ("approved", "approved"),
                            ("executing", "being executed"),
                            ("stopped", "stopped"),
                            ("done", "done"),
                            ("withdrawn", "withdrawn"),
                            ("expired", "expired"),
                        ],
                        default="proposed",
                        max_length=20,
                    ),
                ),
                (
                    "is_automatic",
                    models.BooleanField(default=False, help_text="Proposed and approved by the policy."),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "digest",
                    models.CharField(
                        editable=False,
                        help_text="SHA-256 of the frozen selection, in one order.",
                        max_length=64,
                    ),
                ),
                (
                    "seats_held",
                    models.PositiveIntegerField(help_text="Seats the account held when it was proposed."),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the portal.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("proposed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("approval_reason", models.CharField(blank=True, max_length=500)),
                (
                    "second_approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("second_approved_at", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("says", models.TextField(blank=True, help_text="Why it was stopped or withdrawn.")),
            ],
            options={
                "verbose_name_plural": "revocation batches",
                "ordering": ["-id"],
                "permissions": [
                    ("propose_revocationbatch", "Can propose seats to be taken back"),
                    ("approve_revocationbatch", "Can approve that seats are taken back"),
                    ("execute_revocationbatch", "Can take back seats that were approved"),
                    ("reinstate_revocationbatch", "Can give back seats that were taken back"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["proposed", "withdrawn", "expired"]),
                            ("approved_at__isnull", False),
                            _connector="OR",
                        ),
                        name="seats_batch_goes_on_when_approved",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
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
                            ("person", "to the person"),
                            ("maintainers", "digest to maintainers"),
                            ("by_hand", "told by somebody"),
                        ],
                        default="person",
                        max_length=20,
                    ),
                ),
                ("once_key", models.CharField(editable=False, max_length=120, unique=True)),
                (
                    "review",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="seats.seatreview",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="seats.team",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="seats.githubuser",
                    ),
                ),
                ("recipient", models.CharField(blank=True, max_length=254)),
                ("language", models.CharField(blank=True, max_length=10)),
                ("subject", models.CharField(blank=True, max_length=300)),
                ("body", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "waiting"),
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("no_address", "no address"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="queued",
                        max_length=20,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("claimed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "nonce",
                    models.CharField(default=seats.models.notice.new_nonce, editable=False, max_length=32),
                ),
                ("error", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
                "permissions": [("send_notice", "Can send notices")],
                "indexes": [models.Index(fields=["state", "id"], name="seats_notice_by_state")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "sent"), _negated=True),
                            ("sent_at__isnull", False),
                            _connector="OR",
                        ),
                        name="seats_notice_sent_at_a_moment",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Revocation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revocations",
                        to="seats.revocationbatch",
                    ),
                ),
                (
                    "seat",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revocations",
                        to="seats.seat",
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="revocations",
                        to="seats.seatreview",
                    ),
                ),
                ("live_key", models.BigIntegerField(blank=True, editable=False, null=True, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("left_out", "left out"),
                            ("proposed", "proposed"),
                            ("intended", "asked, no answer yet"),
                            ("revoked", "taken back, to be verified"),
                            ("verified", "taken back, verified"),
                            ("refused", "refused by a brake"),
                            ("failed", "refused by GitHub"),
                            ("came_back", "has a seat again"),
                            ("reinstated", "given back"),
                            ("dropped", "not done"),
                        ],
                        default="proposed",
                        max_length=20,
                    ),
                ),
                ("login", models.CharField(max_length=255)),
                ("verdict", models.CharField(max_length=20)),
                ("reason", models.TextField(help_text="The policy's words.")),
                (
                    "policy",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="seats.inactivitypolicy",
                    ),
                ),
                ("last_evidence_on", models.DateField(blank=True, null=True)),
                ("last_evidence_source", models.CharField(blank=True, max_length=20)),
                ("granted_by", models.CharField(blank=True, max_length=60)),
                ("plan_type", models.CharField(blank=True, max_length=20)),
                (
                    "monthly_saving",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="What a month costs less without it; empty where no price is known.",
                        max_digits=10,
                        null=True,
                    ),
                ),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("brake", models.CharField(blank=True, max_length=40)),
                ("says", models.TextField(blank=True)),
                (
                    "call",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revocations",
                        to="seats.seatcall",
                    ),
                ),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "pending_cancellation_date",
                    models.DateField(
                        blank=True, help_text="The day on which access, and cost, end.", null=True
                    ),
                ),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("came_back_at", models.DateTimeField(blank=True, null=True)),
                ("came_back_by", models.CharField(blank=True, help_text="By which path.", max_length=200)),
                ("reinstated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reinstated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reinstate_call",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reinstatements",
                        to="seats.seatcall",
                    ),
                ),
            ],
            options={
                "ordering": ["batch", "id"],
                "indexes": [models.Index(fields=["state", "revoked_at"], name="seats_revocation_by_state")],
                "constraints": [
                    models.UniqueConstraint(fields=("batch", "seat"), name="seats_revocation_once_per_batch"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("live_key__isnull", False),
                                ("state__in", ["proposed", "intended", "revoked"]),
                            ),
                            models.Q(
                                models.Q(("state__in", ["proposed", "intended", "revoked"]), _negated=True),
                                ("live_key__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="seats_revocation_live_key_while_live",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state__in", ["intended", "revoked", "verified", "came_back", "reinstated"]),
                                _negated=True,
                            ),
                            ("call__isnull", False),
                            _connector="OR",
                        ),
                        name="seats_revocation_is_asked_by_a_call",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("verified_at", None),
                            ("verified_at__gte", models.F("revoked_at")),
                            _connector="OR",
                        ),
                        name="seats_revocation_verified_after_it_was_made",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RemovalTask",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "seat",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="removal_tasks",
                        to="seats.seat",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="removal_tasks",
                        to="seats.team",
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="removal_tasks",
                        to="seats.seatreview",
                    ),
                ),
                (
                    "open_key",
                    models.CharField(blank=True, editable=False, max_length=50, null=True, unique=True),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "to do"), ("done", "done"), ("withdrawn", "no longer wanted")],
                        default="open",
                        max_length=20,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                (
                    "opened_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("open_key__isnull", False), ("state", "open")),
                            models.Q(models.Q(("state", "open"), _negated=True), ("open_key__isnull", True)),
                            _connector="OR",
                        ),
                        name="seats_removal_task_open_key_while_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SeatRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="seat_requests",
                        to="seats.account",
                    ),
                ),
                ("login", models.CharField(max_length=255)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        help_text="Whom we know under this login.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="seat_requests",
                        to="seats.githubuser",
                    ),
                ),
                (
                    "open_key",
                    models.CharField(blank=True, editable=False, max_length=300, null=True, unique=True),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("approved", "approved, in line"),
                            ("granting", "asked of GitHub, no answer yet"),
                            ("granted", "granted"),
                            ("refused", "refused"),
                            ("failed", "could not be granted"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="waiting",
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                (
                    "asked_by",
                    models.CharField(
                        blank=True, help_text="The manager who asks, for instance.", max_length=150
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision", models.CharField(blank=True, max_length=500)),
                (
                    "call",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seat_requests",
                        to="seats.seatcall",
                    ),
                ),
                ("granted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "says",
                    models.TextField(blank=True, help_text="GitHub's words, or ours where it was not asked."),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "permissions": [("decide_seatrequest", "Can decide requests for seats, and grant them")],
                "indexes": [
                    models.Index(fields=["account", "state", "created_at"], name="seats_request_in_line")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("open_key__isnull", False),
                                ("state__in", ["waiting", "approved", "granting", "failed"]),
                            ),
                            models.Q(
                                models.Q(
                                    ("state__in", ["waiting", "approved", "granting", "failed"]),
                                    _negated=True,
                                ),
                                ("open_key__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="seats_request_open_key_while_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="seats_request_has_a_reason",
                        violation_error_message="Say why.",
                    ),
                ],
            },
        ),
    ]
