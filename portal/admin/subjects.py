"""Jobs, files and audit entries name their subject as text; people read names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.apps import apps

from portal.admin.base import PortalChangeList
from portal.models import Connection

# Subjects that are accounts. The model is named by string: the floor imports no app above it.
_ACCOUNT = re.compile(r"(?:organization|enterprise):([0-9]{1,18})(?: (.+))?")


def subject_labels(subjects: Iterable[str]) -> dict[str, str]:
    """What to show for each of these subjects, in one query."""
    wanted = set(subjects)
    # What follows the key is a part of the account's: the day of a backfill.
    parts = {subject: _ACCOUNT.fullmatch(subject) for subject in wanted}
    keys = {subject: int(found[1]) for subject, found in parts.items() if found}
    rests = {subject: f", {found[2]}" if found[2] else "" for subject, found in parts.items() if found}
    accounts: dict[int, Any] = {}
    if keys:
        accounts = apps.get_model("seats", "Account")._default_manager.in_bulk(keys.values())
    connections = _connection_names(wanted)
    return connections | {
        subject: f"{accounts[keys[subject]].label}{rests[subject]}"
        if keys.get(subject) in accounts
        else subject.replace(":", " ")
        for subject in wanted - connections.keys()
    }


def _connection_names(subjects: set[str]) -> dict[str, str]:
    keys = {
        int(key): subject
        for subject in subjects
        if (parts := subject.partition(":"))[0] == "connection" and (key := parts[2]).isdecimal()
    }
    names = Connection.objects.filter(pk__in=keys).values_list("pk", "name") if keys else []
    return {keys[pk]: name for pk, name in names}


class SubjectChangeList(PortalChangeList):
    """A list whose rows know their subject's label, at one query a page."""

    result_list: Any

    def get_results(self, request: Any) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        labels = subject_labels(row.subject for row in self.result_list if row.subject)
        for row in self.result_list:
            row.subject_label = labels.get(row.subject, "")


class SubjectColumn:
    """Mixed into the admin of a model with a `subject`: a column, and a detail field, in words."""

    def get_changelist(self, request: Any, **kwargs: Any) -> type[SubjectChangeList]:
        return SubjectChangeList

    def about(self, row: Any) -> str:
        if not hasattr(row, "subject_label"):
            row.subject_label = subject_labels([row.subject]).get(row.subject, "") if row.subject else ""
        return row.subject_label or "-"
