"""`{% freshness %}`: as of when a page speaks, and a banner where that is too long ago."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.template import RequestContext
from django.urls import resolve, reverse

from portal.freshness import AsOf, Late, of_page
from portal.site import page_for

register = template.Library()
# Banners on a page; where GitHub cannot be reached at all, every schedule is late.
SHOWN = 3


@register.inclusion_tag("portal/freshness.html", takes_context=True)
def freshness(context: RequestContext) -> dict[str, Any]:
    """The page's app is that of its model, else of its URL; the home page has neither, and shows all."""
    request = context.get("request")
    if request is None or not request.user.is_authenticated or context.get("is_popup"):
        return {}
    opts = context.get("opts")
    return freshness_of(request, opts.app_label if opts is not None else "")


def freshness_of(request: HttpRequest, app_label: str = "") -> dict[str, Any]:
    """What the template needs."""
    if request.path_info == reverse("admin:index"):
        said = of_page(request, None)
    else:
        said = of_page(request, app_label or _namespace(request))
    late = [one for one in said if isinstance(one, Late)]
    return {
        "lines": [one for one in said if isinstance(one, AsOf)],
        "late": late[:SHOWN],
        "more_late": len(late[SHOWN:]),
        "schedules_url": page_for(
            request.user, "admin:portal_syncschedule_changelist", "portal.view_syncschedule"
        ),
    }


def _namespace(request: HttpRequest) -> str:
    match = request.resolver_match or resolve(request.path_info)
    return match.namespace
