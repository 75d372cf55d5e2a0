"""Departments, cost centres and who belongs to them; owners of teams and accounts; columns of sheets."""

import datetime

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("seats", "0008_unit_prices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="owner",
            field=models.CharField(blank=True, help_text="Who answers for it: a name.", max_length=150),
        ),
        migrations.AddField(
            model_name="account",
            name="owner_contact",
            field=models.EmailField(
                blank=True,
                help_text="Where its owner is reached.",
                max_length=254,
                verbose_name="owner's address",
            ),
        ),
        migrations.CreateModel(
            name="CostCentre",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(help_text="As the books write it: 4711, say.", max_length=100)),
                ("code_key", models.CharField(editable=False, max_length=200, unique=True)),
                ("name", models.CharField(blank=True, max_length=255)),
                (
                    "owner",
                    models.CharField(
                        blank=True, help_text="Who answers for it: a name or an address.", max_length=254
                    ),
                ),
            ],
            options={
                "verbose_name": "cost centre",
                "ordering": ["code_key"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("code", ""), _negated=True),
                        name="seats_cost_centre_has_a_code",
                        violation_error_message="Give the code.",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="account",
            name="cost_centre",
            field=models.ForeignKey(
                blank=True,
                help_text="Who pays for people that have no cost centre of their own.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="accounts",
                to="seats.costcentre",
            ),
        ),
        migrations.CreateModel(
            name="Department",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("name_key", models.CharField(editable=False, max_length=400, unique=True)),
                (
                    "manager",
                    models.CharField(
                        blank=True, help_text="A login at GitHub or a mail address.", max_length=254
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        help_text="The department it is part of.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="seats.department",
                    ),
                ),
            ],
            options={
                "ordering": ["name_key"],
            },
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "person",
                    models.CharField(help_text="A login at GitHub or a mail address.", max_length=254),
                ),
                ("person_key", models.CharField(editable=False, max_length=300)),
                (
                    "manager",
                    models.CharField(
                        blank=True, help_text="A login at GitHub or a mail address.", max_length=254
                    ),
                ),
                (
                    "starts_on",
                    models.DateField(default=datetime.date(2000, 1, 1), help_text="The first day it holds."),
                ),
                (
                    "ends_on",
                    models.DateField(
                        blank=True, help_text="The last day it holds; empty: until another begins.", null=True
                    ),
                ),
                (
                    "open_key",
                    models.CharField(blank=True, editable=False, max_length=300, null=True, unique=True),
                ),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="seats.githubuser",
                    ),
                ),
                (
                    "cost_centre",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="seats.costcentre",
                    ),
                ),
                (
                    "department",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="seats.department",
                    ),
                ),
            ],
            options={
                "ordering": ["person_key", "-starts_on"],
            },
        ),
        migrations.CreateModel(
            name="SheetMapping",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("table", models.CharField(max_length=100)),
                ("columns", models.JSONField(default=dict)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["user", "table"],
            },
        ),
        migrations.CreateModel(
            name="TeamOwner",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "person",
                    models.CharField(help_text="A login at GitHub or a mail address.", max_length=254),
                ),
                ("person_key", models.CharField(editable=False, max_length=300)),
                (
                    "note",
                    models.CharField(
                        blank=True, help_text="What for: budget, say, or holidays.", max_length=500
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="owners", to="seats.team"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="owned_teams",
                        to="seats.githubuser",
                    ),
                ),
            ],
            options={
                "ordering": ["team", "person_key"],
            },
        ),
        migrations.AddConstraint(
            model_name="department",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True),
                name="seats_department_has_a_name",
                violation_error_message="Give the name.",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                fields=("person_key", "starts_on"), name="seats_assignment_once_per_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_on", None), ("ends_on__gte", models.F("starts_on")), _connector="OR"
                ),
                name="seats_assignment_ends_after_it_starts",
                violation_error_message="An assignment cannot end before it starts.",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_on", None), ("open_key", None), _connector="OR"),
                name="seats_assignment_is_open_without_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("department__isnull", False),
                    ("cost_centre__isnull", False),
                    models.Q(("manager", ""), _negated=True),
                    _connector="OR",
                ),
                name="seats_assignment_says_something",
                violation_error_message="Give a department, a manager or a cost centre.",
            ),
        ),
        migrations.AddConstraint(
            model_name="sheetmapping",
            constraint=models.UniqueConstraint(
                fields=("user", "table"), name="seats_sheet_mapping_once_per_table"
            ),
        ),
        migrations.AddConstraint(
            model_name="teamowner",
            constraint=models.UniqueConstraint(fields=("team", "person_key"), name="seats_team_owner_once"),
        ),
        migrations.AddConstraint(
            model_name="teamowner",
            constraint=models.CheckConstraint(
                condition=models.Q(("person", ""), _negated=True), name="seats_team_owner_is_somebody"
            ),
        ),
    ]
