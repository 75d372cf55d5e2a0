"""Where people belong in their company: department, manager and cost centre, from a day until a day.

Kept by hand: GitHub knows nothing of it. A past period is told by the assignment of its days, so nothing is
overwritten when somebody moves: the old assignment ends, and another begins.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from seats.models.cost_centre import CostCentre
from seats.models.github_user import GitHubUser
from seats.models.policy import FROM_EVER


class Department(models.Model):
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=400, unique=True, editable=False)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children",
        help_text="The department it is part of.",
    )  # fmt: skip
    manager = models.CharField(max_length=254, blank=True, help_text="A login at GitHub or a mail address.")

    class Meta:
        ordering = ["name_key"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(name=""),
                name="seats_department_has_a_name",
                violation_error_message="Give the name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        same = Department.objects.filter(name_key=self.name.lower()).exclude(pk=self.pk)
        if same.exists():
            raise ValidationError({"name": "There is a department of this name already: edit that one."})
        if self.is_part_of_itself():
            raise ValidationError({"parent": "It would be part of itself."})

    def is_part_of_itself(self) -> bool:
        above, met = self.parent, {id(self)}
        while above is not None:
            if above == self or id(above) in met:
                return True
            met.add(id(above))
            above = above.parent
        return False

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.name_key = self.name.lower()
        super().save(*args, **kwargs)


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def on(self, day: date) -> AssignmentQuerySet:
        """Those that hold on this UTC day; the day named in `ends_on` is still covered."""
        return self.filter(Q(starts_on__lte=day) & (Q(ends_on=None) | Q(ends_on__gte=day)))

    def unjoined(self) -> AssignmentQuerySet:
        """Of people whom no list or report has shown yet."""
        return self.filter(user=None)


class Assignment(models.Model):
    """One person's place from a day until a day; of one person no two overlap."""

    # As written where the person is not known yet: a login or a mail address.
    person = models.CharField(max_length=254, help_text="A login at GitHub or a mail address.")
    # "user:7", or "login:ann" and "mail:ann@example.com" until somebody known bears it.
    person_key = models.CharField(max_length=300, editable=False)
    user = models.ForeignKey(
        GitHubUser, null=True, blank=True, on_delete=models.CASCADE, related_name="assignments"
    )
    department = models.ForeignKey(
        Department, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments"
    )
    manager = models.CharField(max_length=254, blank=True, help_text="A login at GitHub or a mail address.")
    cost_centre = models.ForeignKey(
        CostCentre, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments"
    )
    starts_on = models.DateField(default=FROM_EVER, help_text="The first day it holds.")
    ends_on = models.DateField(
        null=True, blank=True, help_text="The last day it holds; empty: until another begins."
    )
    # The person's key while it has no last day: one such assignment for each person.
    open_key = models.CharField(max_length=300, unique=True, null=True, blank=True, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["person_key", "-starts_on"]
        constraints = [
            models.UniqueConstraint(fields=["person_key", "starts_on"], name="seats_assignment_once_per_day"),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="seats_assignment_ends_after_it_starts",
                violation_error_message="An assignment cannot end before it starts.",
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(open_key=None),
                name="seats_assignment_is_open_without_an_end",
            ),
            models.CheckConstraint(
                condition=Q(department__isnull=False) | Q(cost_centre__isnull=False) | ~Q(manager=""),
                name="seats_assignment_says_something",
                violation_error_message="Give a department, a manager or a cost centre.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown_person}: {self.place}"

    @property
    def shown_person(self) -> str:
        return self.user.login if self.user else self.person

    @property
    def place(self) -> str:
        """Department and cost centre, in words."""
        parts = [str(part) for part in (self.department, self.cost_centre) if part]
        return ", ".join(parts) or f"reports to {self.manager}"

    def own_person_key(self) -> str:
        if self.user_id:
            return f"user:{self.user_id}"
        return f"{'mail' if '@' in self.person else 'login'}:{self.person.lower()}"

    def keep_keys(self) -> None:
        """What follows from the rest, for whoever writes rows without `save`."""
        self.person_key = self.own_person_key()
        self.open_key = self.person_key if self.ends_on is None else None

    def overlaps(self, other: Assignment) -> bool:
        return (self.ends_on is None or other.starts_on <= self.ends_on) and (
            other.ends_on is None or self.starts_on <= other.ends_on
        )

    def day_before(self) -> date:
        return self.starts_on - timedelta(days=1)

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.keep_keys()
        self.changed_at = timezone.now()
        super().save(*args, **kwargs)
