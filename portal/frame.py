"""A page's frame: all that the theme writes around what the page says, written once for whom it is the same.

The theme takes several times as long for it as the page takes for its own words. What differs from one
request to the next stands in holes: what the page says, as of when it speaks, the form's secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from portal.site import Addressing, sidebar
from portal.templatetags.freshness import freshness_of

# Frames kept by each process; a page has one for each reader.
MOST = 200
# Where a hole is; nobody can know of them, so nothing that is shown can hold one.
HOLES = {name: f"{name}-{secrets.token_hex(16)}" for name in ("content", "freshness", "csrf_token")}

# The texts around the holes, and which hole follows each but the last.
_Frame = list[tuple[str, str]]
_frames: dict[tuple[Any, ...], _Frame] = {}


def framed(request: HttpRequest, template: str, title: str, content: str) -> str:
    """The page of a template that shows `content` and `freshness` and is given nothing else but its title."""
    freshness = render_to_string("portal/freshness.html", freshness_of(request))
    if len(get_messages(request)):
        # They are told once.
        told = {"content": mark_safe(content), "freshness": freshness}  # noqa: S308 - rendered before
        return _rendered(request, template, title, told)
    key = (template, title, request.path, *_of_reader(request), Addressing.now())
    frame = _frames.get(key)
    if frame is None:
        if len(_frames) >= MOST:
            _frames.clear()
        holes = {name: mark_safe(hole) for name, hole in HOLES.items()}  # noqa: S308 - our own
        frame = _frames[key] = _cut(_rendered(request, template, title, holes))
    filled = {"content": content, "freshness": freshness, "csrf_token": get_token(request), "": ""}
    return "".join(part for text, hole in frame for part in (text, filled[hole]))


def _of_reader(request: HttpRequest) -> tuple[Any, ...]:
    """All that the theme tells of a reader: their name, and where the sidebar leads them."""
    user: Any = request.user
    name = user.get_full_name(), user.get_username(), user.email
    return user.pk, *name, user.is_staff, user.has_usable_password(), sidebar(request)


def _rendered(request: HttpRequest, template: str, title: str, told: Mapping[str, str]) -> str:
    return render_to_string(
        template, {**admin.site.each_context(request), "title": title, **told}, request=request
    )


def _cut(page: str) -> _Frame:
    frame: _Frame = []
    while True:
        places = [(place, name) for name, hole in HOLES.items() if (place := page.find(hole)) >= 0]
        if not places:
            return [*frame, (page, "")]
        place, name = min(places)
        frame.append((page[:place], name))
        page = page[place + len(HOLES[name]) :]
