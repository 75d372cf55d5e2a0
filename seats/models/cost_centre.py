"""Who pays: kept by hand, as the books write it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q


class CostCentre(models.Model):
    code = models.CharField(max_length=100, help_text="As the books write it: 4711, say.")
    code_key = models.CharField(max_length=200, unique=True, editable=False)
    name = models.CharField(max_length=255, blank=True)
    owner = models.CharField(
        max_length=254, blank=True, help_text="Who answers for it: a name or an address."
    )

    class Meta:
        verbose_name = "cost centre"
        ordering = ["code_key"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(code=""),
                name="seats_cost_centre_has_a_code",
                violation_error_message="Give the code.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}".strip()

    def clean(self) -> None:
        same = CostCentre.objects.filter(code_key=self.code.lower()).exclude(pk=self.pk)
        if same.exists():
            raise ValidationError({"code": "There is a cost centre of this code already: edit that one."})

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.code_key = self.code.lower()
        super().save(*args, **kwargs)
