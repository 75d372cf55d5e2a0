"""The seven counters that people, teams and accounts have in common, in GitHub's order."""

from __future__ import annotations

from django.db import models

COUNTERS = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)


class Counters(models.Model):
    """Missing stays NULL, never 0: older lines lack the lines-of-code sums."""

    user_initiated_interaction_count = models.BigIntegerField("interactions", null=True, blank=True)
    code_generation_activity_count = models.BigIntegerField("generations", null=True, blank=True)
    code_acceptance_activity_count = models.BigIntegerField("acceptances", null=True, blank=True)
    loc_suggested_to_add_sum = models.BigIntegerField("lines suggested to add", null=True, blank=True)
    loc_suggested_to_delete_sum = models.BigIntegerField("lines suggested to delete", null=True, blank=True)
    loc_added_sum = models.BigIntegerField("lines added", null=True, blank=True)
    loc_deleted_sum = models.BigIntegerField("lines deleted", null=True, blank=True)

    class Meta:
        abstract = True
