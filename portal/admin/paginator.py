"""Counting a million rows for the foot of a page costs more than the page."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs only
    """Counts to 10,000 and shows "10,000+" beyond; pages behind that are reached by filtering."""

    CAP = 10_000
    template_name = "portal/capped_pagination.html"

    @cached_property
    def _counted(self) -> int:
        """Rows up to one more than the cap, which says that there are more."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # what a changelist hands over
        return rows.order_by()[: self.CAP + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.CAP)

    @property
    def count_label(self) -> str:
        return f"{self.count:,}+" if self._counted > self.CAP else f"{self.count:,}"
