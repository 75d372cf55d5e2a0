"""A line of a bill: what was used on a day, at what price. Never a float.

The reports overlap: the same use stands in the AI usage report and in the metered ones. Only lines of one
report are ever added up.
"""

from __future__ import annotations

from django.db import models

from portal.models import ReportFile
from seats.models.account import Account
from seats.models.github_user import GitHubUser

DIGITS, PLACES = 27, 12


class BillingLine(models.Model):
    class Report(models.TextChoices):
        AI_USAGE = "billing-ai-usage", "AI usage"
        PREMIUM_REQUESTS = "billing-requests", "premium requests"
        REQUEST_LOG = "billing-request-log", "premium requests, one by one"
        SUMMARIZED = "billing-summarized", "metered usage, summarized"
        DETAILED = "billing-detailed", "metered usage, detailed"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="billing_lines")
    report = models.CharField(max_length=20, choices=Report.choices)
    day = models.DateField()
    # A fingerprint of what makes it this line; of several alike in one report `repeat` counts the others.
    line_key = models.CharField(max_length=32)
    repeat = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True, help_text="Only where the report is one by one.")

    username = models.CharField(max_length=255, blank=True)
    username_key = models.CharField(max_length=255, blank=True)
    user = models.ForeignKey(
        GitHubUser,
        null=True,
        on_delete=models.SET_NULL,
        related_name="billing_lines",
        help_text="Who held the login on that day, as far as is known today.",
    )
    product = models.CharField(max_length=255, blank=True)
    sku = models.CharField("SKU", max_length=255, blank=True)
    model = models.CharField(max_length=255, blank=True)
    unit_type = models.CharField("unit", max_length=255, blank=True)
    quantity = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    price = models.DecimalField("price per unit", max_digits=DIGITS, decimal_places=PLACES, null=True)
    gross_amount = models.DecimalField("gross", max_digits=DIGITS, decimal_places=PLACES, null=True)
    discount_amount = models.DecimalField("discount", max_digits=DIGITS, decimal_places=PLACES, null=True)
    net_amount = models.DecimalField("net", max_digits=DIGITS, decimal_places=PLACES, null=True)
    currency = models.CharField(max_length=3, default="USD")
    ai_credits = models.DecimalField("AI credits", max_digits=DIGITS, decimal_places=PLACES, null=True)
    ai_credits_gross_amount = models.DecimalField(
        "gross in AI credits", max_digits=DIGITS, decimal_places=PLACES, null=True
    )
    monthly_quota = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)
    exceeds_quota = models.BooleanField(null=True)
    # As GitHub names them on the bill.
    organization = models.CharField(max_length=255, blank=True)
    repository = models.CharField(max_length=255, blank=True)
    cost_center_name = models.CharField("cost centre", max_length=255, blank=True)
    workflow_path = models.CharField("workflow", max_length=255, blank=True)
    more = models.JSONField("further columns", default=dict)

    file = models.ForeignKey(ReportFile, on_delete=models.PROTECT, related_name="+")
    observed_at = models.DateTimeField()
    content_hash = models.BinaryField(max_length=16)

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "report", "day", "line_key", "repeat"], name="seats_billing_line_once"
            )
        ]
        indexes = [
            models.Index(fields=["-day", "-id"], name="seats_billing_newest"),
            models.Index(fields=["username_key", "day"], name="seats_billing_by_login"),
        ]

    def __str__(self) -> str:
        what = self.sku or self.model
        return f"{what} of {self.username} on {self.day}" if self.username else f"{what} on {self.day}"
