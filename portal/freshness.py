"""As of when the pages speak, and what is older than it should be.

Apps register what they know of the freshness of their rows; a page asks for the app it shows, the home
page for all. The floor knows no app above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.http import HttpRequest

from portal.models import ReportFile


@dataclass(frozen=True, slots=True)
class AsOf:
    """What is shown, as of when and from which source; `url` leads to the files or days behind it."""

    what: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Late:
    """Something that should have come from GitHub and has not: since when, and what to do about it."""

    text: str
    url: str = ""
    link: str = ""


Teller = Callable[[HttpRequest], Iterable[AsOf | Late]]


@dataclass(frozen=True, slots=True)
class _Registered:
    app_label: str
    permission: str
    tell: Teller


_tellers: list[_Registered] = []


def freshness(app_label: str, *, permission: str) -> Callable[[Teller], Teller]:
    """Register a function that tells how fresh the rows of an app are, to whoever holds the permission."""

    def register(tell: Teller) -> Teller:
        _tellers.append(_Registered(app_label, permission, tell))
        return tell

    return register


def source_of(file: ReportFile | None) -> str:
    """Where rows come from: GitHub itself, or a file that somebody brought."""
    if file is None or file.source == ReportFile.Source.DOWNLOAD:
        return "GitHub's API"
    return file.name


def of_page(request: HttpRequest, app_label: str | None) -> list[AsOf | Late]:
    """What is to be said on a page of this app; None: on the home page, of all apps."""
    user = request.user
    return [
        said
        for teller in _tellers
        if app_label in (None, teller.app_label) and user.has_perm(teller.permission)
        for said in teller.tell(request)
    ]
