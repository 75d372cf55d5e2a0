"""What the lists of this app have in common beyond the portal's own: order, and a page that asks first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin import ShowFacets
from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

import portal.admin.base
from portal.admin.base import NOTHING, day, few, moment

__all__ = [
    "NOTHING",
    "NullsLastChangeList",
    "PortalModelAdmin",
    "ReadOnlyAdmin",
    "concerned",
    "confirmation",
    "day",
    "few",
    "moment",
    "seats_link",
]


# A page that asks first names this many people; the rest it counts.
NAMED = 20


class NullsLastChangeList(portal.admin.base.PortalChangeList):
    """Rows without a value come last, whichever way the column is sorted, on every database."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[OrderBy]:
        return [_nulls_last(term) for term in super().get_ordering(request, queryset)]


def _nulls_last(term: Any) -> OrderBy:
    if isinstance(term, str):
        term = F(term.lstrip("-")).desc() if term.startswith("-") else F(term).asc()
    elif not isinstance(term, OrderBy):
        term = term.asc()
    return OrderBy(term.expression, descending=term.descending, nulls_last=True)


class PortalModelAdmin(portal.admin.base.PortalModelAdmin):
    # A count beside each choice of each filter is a query each.
    show_facets = ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NullsLastChangeList]:
        return NullsLastChangeList


class ReadOnlyAdmin(PortalModelAdmin, portal.admin.base.ReadOnlyAdmin):
    """For what GitHub, or the portal itself, writes."""


def seats_link(count: int, **filters: str | int) -> str:
    """A count that leads to the seats it counts."""
    url = f"{reverse('admin:seats_seat_changelist')}?{urlencode(filters)}"
    return format_html('<a class="portal-link" href="{}">{}</a>', url, f"{count:,}")


def confirmation(
    admin: Any, request: HttpRequest, template: str, context: dict[str, Any]
) -> TemplateResponse:
    """A page between an action and its doing. It posts the same selection again."""
    return TemplateResponse(
        request,
        template,
        {
            **admin.admin_site.each_context(request),
            "opts": admin.model._meta,
            "media": admin.media,
            "action": request.POST.get("action", ""),
            "selected": request.POST.getlist("_selected_action"),
            "select_across": request.POST.get("select_across", "0"),
            **context,
        },
    )


def concerned(selected: QuerySet[Any], chosen: QuerySet[Any], named: Callable[[Any], str]) -> dict[str, Any]:
    """Whom such a page says it concerns: how many, the first by name, and how many of the selected not."""
    count, names = chosen.count(), [named(one) for one in chosen[:NAMED]]
    return {
        "count": count,
        "named": names,
        "more": count - len(names),
        "left_out": selected.count() - count,
    }
