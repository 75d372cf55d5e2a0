"""The admin site: its pages are the product."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from unfold.sites import UnfoldAdminSite


class PortalAdminSite(UnfoldAdminSite):
    pass


def stylesheet(request: HttpRequest) -> str:
    return static("portal/portal.css")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    return []
