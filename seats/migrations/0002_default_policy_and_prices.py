"""What holds until an admin says otherwise: 30 idle days, and GitHub's list prices."""

from datetime import date
from decimal import Decimal

from django.db import migrations

LIST_PRICES = [
    ("business", Decimal("19.00"), date(2023, 2, 14)),
    ("enterprise", Decimal("39.00"), date(2024, 2, 27)),
]


def add_defaults(apps, schema_editor):
    apps.get_model("seats", "InactivityPolicy").objects.get_or_create(scope_key="all")
    prices = apps.get_model("seats", "SeatPrice").objects
    for plan_type, monthly_price, starts_on in LIST_PRICES:
        prices.get_or_create(
            scope_key="all",
            plan_type=plan_type,
            starts_on=starts_on,
            defaults={"monthly_price": monthly_price, "currency": "USD"},
        )


class Migration(migrations.Migration):
    dependencies = [("seats", "0001_accounts_people_and_seats")]

    operations = [migrations.RunPython(add_defaults, migrations.RunPython.noop)]
