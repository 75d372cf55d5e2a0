"""Panels of the home page: apps register them, the page asks for those its reader may see.

A panel function takes the request and returns a panel, several, or nothing when it has nothing to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.text import slugify

from portal.models import ReportFile
from portal.reports import writers
from portal.site import page_for

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what it counts. `url` leads to the rows it counts."""

    label: str
    value: str
    url: str = ""
    note: str = ""
    tone: str = ""  # "good", "bad" or nothing


@dataclass(frozen=True, slots=True)
class Choice:
    """What the page is about: one of several, chosen by a query parameter."""

    template: ClassVar[str] = "admin/home/choice.html"
    name: str
    label: str
    options: Sequence[tuple[str, str]]
    selected: str
    wide: bool = True


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers side by side. `note` says scope and freshness."""

    template: ClassVar[str] = "admin/home/figures.html"
    title: str
    figures: Sequence[Figure]
    note: str = ""
    wide: bool = True


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something said in words, with links beneath."""

    template: ClassVar[str] = "admin/home/sentence.html"
    title: str
    text: str
    links: Sequence[tuple[str, str]] = ()
    wide: bool = True


@dataclass(frozen=True, slots=True)
class Button:
    """Something that can be done with one press: a form that posts to `url`. The note leads to what runs."""

    label: str
    url: str
    note: str = ""
    note_url: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A sentence with a button beside it, for whoever may press it."""

    template: ClassVar[str] = "admin/home/button.html"
    title: str
    text: str
    button: Button | None = None
    links: Sequence[tuple[str, str]] = ()
    wide: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    url: str = ""

    @property
    def is_moment(self) -> bool:
        """Whether it is a day or an instant, which no line break may divide."""
        return _MOMENT.fullmatch(self.text) is not None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first cell of a row names it, the others are numbers."""

    template: ClassVar[str] = "admin/home/table.html"
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    more: tuple[str, str] | None = None
    wide: bool = True

    @property
    def name(self) -> str:
        """What its file is called."""
        return slugify(self.title)


@dataclass(frozen=True, slots=True)
class Series:
    """A line or the bars of a chart; None is a gap. `dashed` marks what may still change."""

    label: str
    values: Sequence[float | int | None]
    colour: str | Sequence[str]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, and the same numbers as a table for those who do not see it."""

    template: ClassVar[str] = "admin/home/chart.html"
    key: str
    title: str
    kind: str  # "line" or "bar"
    labels: Sequence[str]
    series: Sequence[Series]
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    more: tuple[str, str] | None = None
    wide: bool = False

    @property
    def name(self) -> str:
        """What its table's file is called."""
        return slugify(self.title)

    def data(self) -> str:
        """What Chart.js draws, as JSON for a data attribute."""
        return json.dumps(
            {"labels": list(self.labels), "datasets": [_dataset(series, self.kind) for series in self.series]}
        )

    def options(self) -> str:
        return json.dumps(_options(self))


Panel = Choice | Figures | Sentence | Action | Table | Chart
PanelFunction = Callable[[HttpRequest], Panel | Sequence[Panel] | None]

# Grey that is readable on white and on the dark background alike.
TICKS = "#7b8494"


def _dataset(series: Series, kind: str) -> dict[str, Any]:
    dataset: dict[str, Any] = {
        "label": series.label,
        "data": list(series.values),
        "borderColor": series.colour,
        "backgroundColor": series.colour,
    }
    if kind == "line":
        # A day with gaps on either side is a point, not a line: points must show.
        dataset |= {"borderWidth": 2, "pointRadius": 2}
        if series.dashed:
            dataset["borderDash"] = [4, 4]
    else:
        dataset |= {"borderRadius": 4, "maxBarThickness": 28}
    return dataset


def _options(chart: Chart) -> dict[str, Any]:
    horizontal = chart.kind == "bar"
    counts = {"beginAtZero": True, "ticks": {"color": TICKS, "precision": 0}, "grid": {"lineWidth": 0.5}}
    names = {
        # Days may be left out of an axis, names may not.
        "ticks": {"color": TICKS, "maxRotation": 0, "autoSkip": not horizontal, "autoSkipPadding": 16},
        "grid": {"display": False},
    }
    scales: dict[str, Any] = {"x": counts, "y": names} if horizontal else {"x": names, "y": counts}
    legend = {
        "display": len(chart.series) > 1,
        "position": "bottom",
        "labels": {"color": TICKS, "boxWidth": 18, "boxHeight": 1},
    }
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "indexAxis": "y" if horizontal else "x",
        "interaction": {"mode": "index", "axis": "y" if horizontal else "x", "intersect": False},
        "plugins": {"legend": legend},
        "scales": scales,
    }


@dataclass(frozen=True, slots=True)
class Registered:
    order: int
    permission: str
    function: PanelFunction


@dataclass(slots=True)
class Registry:
    entries: list[Registered] = field(default_factory=list)

    def panels(self, request: HttpRequest) -> Iterator[Panel]:
        """The panels this user may see, in order."""
        user: Any = request.user
        for entry in sorted(self.entries, key=lambda entry: entry.order):
            if entry.permission and not user.has_perm(entry.permission):
                continue
            made = entry.function(request)
            if made is None:
                continue
            yield from made if isinstance(made, Sequence) else (made,)


registry = Registry()


def card(*, order: int, permission: str = "") -> Callable[[PanelFunction], PanelFunction]:
    """Register a function that makes panels of the home page; smaller orders come first."""

    def register(function: PanelFunction) -> PanelFunction:
        registry.entries.append(Registered(order, permission, function))
        return function

    return register


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: what templates/admin/index.html shows."""
    panels = list(registry.panels(request))
    is_fresh = not panels and not ReportFile.objects.exists()
    return {
        **context,
        "panels": panels,
        "table_formats": writers.FORMATS,
        "asked": f"?{request.GET.urlencode()}" if request.GET else "",
        "upload_url": page_for(request.user, "metrics:upload", "portal.add_reportfile"),
        "connect_url": page_for(request.user, "admin:portal_connection_add", "portal.add_connection"),
        "is_fresh": is_fresh,
    }
