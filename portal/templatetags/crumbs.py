"""`{{ parts|crumbs:request }}`: where a page is, in the words of the sidebar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.text import capfirst

register = template.Library()


@register.filter
def crumbs(parts: Sequence[dict[str, Any]], request: HttpRequest) -> list[dict[str, Any]]:
    """The list that a page belongs to, and the row that it is about, each with `title` and `link`.

    The theme puts the app first, which no reader knows of, and writes the names of rows with a capital
    letter, which logins do not have.
    """
    return list(_crumbs(parts, request)) if len(parts) > 1 else list(parts)


def _crumbs(parts: Sequence[dict[str, Any]], request: HttpRequest) -> Iterator[dict[str, Any]]:
    _app, listed, *rows = parts
    model_admin = _admin_behind(str(listed["link"]))
    title = getattr(model_admin, "list_title", "") or capfirst(str(listed["title"]))
    yield {"link": listed["link"], "title": title}
    for row in rows:
        titled = getattr(model_admin, "row_title", str)
        yield {"link": row["link"], "title": titled(row["title"])}
    match = request.resolver_match
    if not rows and model_admin is not None and match is not None and str(match.url_name).endswith("_add"):
        yield {"link": "", "title": f"Add {model_admin.opts.verbose_name}"}


def _admin_behind(url: str) -> Any:
    """The admin class whose list is at `url`, which Django notes on its views; None: there is none."""
    try:
        return getattr(resolve(url).func, "model_admin", None)
    except Resolver404:
        return None
