"""What a seat costs a month, and a unit of use: dated, for everybody or for one account. Never a float."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from seats.models.account import Account


class SeatPrice(models.Model):
    # "all" or "account:3": unique without a NULL.
    scope_key = models.CharField(max_length=40, editable=False, default="all")
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="prices",
        help_text="Empty: every account without a price of its own.",
    )  # fmt: skip
    plan_type = models.CharField(max_length=20)
    monthly_price = models.DecimalField(
        max_digits=10, decimal_places=2, validators=[MinValueValidator(Decimal(0))]
    )
    currency = models.CharField(max_length=3, default="USD")
    starts_on = models.DateField(help_text="The first day this price holds.")

    class Meta:
        ordering = ["scope_key", "plan_type", "-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope_key", "plan_type", "starts_on"], name="seats_price_once_per_day"
            ),
            models.CheckConstraint(
                condition=Q(monthly_price__gte=0),
                name="seats_price_is_not_negative",
                violation_error_message="A price is not negative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_type} {self.monthly_price} {self.currency}"

    def own_scope_key(self) -> str:
        return f"account:{self.account_id}" if self.account_id else "all"

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.scope_key = self.own_scope_key()
        super().save(*args, **kwargs)


class UnitPrice(models.Model):
    """What one AI credit or premium request costs.

    https://docs.github.com/copilot/concepts/billing/usage-based-billing-for-organizations-and-enterprises
    """

    class Unit(models.TextChoices):
        AI_CREDIT = "ai_credit", "AI credit"
        PREMIUM_REQUEST = "premium_request", "premium request"

    scope_key = models.CharField(max_length=40, editable=False, default="all")
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="unit_prices",
        help_text="Empty: every account without a price of its own.",
    )  # fmt: skip
    unit = models.CharField(max_length=20, choices=Unit.choices)
    price = models.DecimalField(max_digits=14, decimal_places=6, validators=[MinValueValidator(Decimal(0))])
    currency = models.CharField(max_length=3, default="USD")
    starts_on = models.DateField(help_text="The first day this price holds.")

    class Meta:
        ordering = ["scope_key", "unit", "-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope_key", "unit", "starts_on"], name="seats_unit_price_once_per_day"
            ),
            models.CheckConstraint(
                condition=Q(price__gte=0),
                name="seats_unit_price_is_not_negative",
                violation_error_message="A price is not negative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_unit_display()} {self.price.normalize():f} {self.currency}"

    def own_scope_key(self) -> str:
        return f"account:{self.account_id}" if self.account_id else "all"

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.scope_key = self.own_scope_key()
        super().save(*args, **kwargs)
