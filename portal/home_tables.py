"""The tables of the home page, and those behind its charts, as files: what it shows can be taken away."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.text import slugify

from portal.cards import Chart, Table, registry
from portal.reports import writers
from portal.reports.base import Column, Value
from portal.reports.exports import noted_rows

COUNT = re.compile(r"[0-9]{1,3}(,[0-9]{3})*")
UNKNOWN = "–"


def home_table(request: HttpRequest, name: str, file_format: str) -> HttpResponseBase:
    """The panel of this name, of whatever the page's address asks for; for whoever sees it there."""
    if file_format not in writers.FORMATS:
        raise Http404
    panel = next(
        (
            panel
            for panel in registry.panels(request)
            if isinstance(panel, Table | Chart) and panel.name == name
        ),
        None,
    )
    if panel is None:
        raise Http404
    chunks = noted_rows(
        [Column(slugify(header).replace("-", "_") or "name", header) for header in panel.headers],
        ([_value(cell.text) for cell in row] for row in panel.rows),
        file_format,
        title=panel.name,
        subject=f"home:{panel.name}",
        by=request.user,
        asked=request.GET.dict(),
    )
    return writers.as_download(chunks, panel.name, file_format)


def _value(text: str) -> Value:
    """A count as a number, and nothing for what is unknown; the rest in its words."""
    if text == UNKNOWN:
        return None
    return int(text.replace(",", "")) if COUNT.fullmatch(text) else text
