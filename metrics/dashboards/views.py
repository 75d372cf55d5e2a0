"""A page at once, its panels side by side after it: each is an address of its own.

Asked by our script a panel is a piece of a page; opened by hand, as without JavaScript, it is a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.asking import CONTROLS, Question, question
from metrics.dashboards.compared import panel_of
from metrics.dashboards.controls import controls
from metrics.dashboards.drawn import chart, in_a_sentence
from metrics.dashboards.panel import Form, Headline, Panel, plain
from metrics.dashboards.registry import Page, RegisteredPanel, pages
from metrics.dashboards.table import SHOWN_ROWS, table
from metrics.dashboards.window import scope_name, window
from metrics.dashboards.written import change, unbroken, written
from portal.reports import base
from portal.reports.writers import as_download, safe, stream_rows
from portal.site import page_for

# What our script says of itself when it asks for a piece of a page.
ASKED_BY_SCRIPT = "X-Dashboard-Piece"

View = Callable[..., HttpResponseBase]


def _of_page(view: View) -> View:
    """The view gets the page of the slug, if its reader may see it."""

    @wraps(view)
    def allowed(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        page = pages.get(slug)
        if page is None:
            raise Http404("There is no such page.")
        if not _may(request, page.permission):
            raise PermissionDenied
        return view(request, page, *args, **kwargs)

    wrapped: View = admin.site.admin_view(require_safe(allowed))
    return wrapped


@_of_page
def show(request: HttpRequest, page: Page) -> HttpResponse:
    """The page without its panels, which come after it."""
    asked = question(request.GET.dict(), request.user, page)
    if asked is None:
        return _render(request, "metrics/dashboard_empty.html", page)
    if not asked.said and request.GET.dict() != asked.asked.params:
        return redirect(_with_query(request.path, asked.asked.query()))
    query = _panel_query(asked)
    instead = page.instead(asked.asked) if page.instead else ""
    permitted = [panel for panel in page.panels.values() if not instead and _may(request, panel.permission)]
    return _render(
        request,
        "metrics/dashboard.html",
        page,
        controls=controls(asked, page, request.user),
        window=window(asked, page),
        said=asked.said,
        instead=instead,
        words_url=_with_query(_words_url(page), query) if page.words and not instead else "",
        panels=[
            {"panel": panel, "is_wide": is_wide, "url": _with_query(_panel_url(page, panel), query)}
            for panel, is_wide in in_rows(permitted)
        ],
        shared=asked.asked.query(**{name: None for name in asked.asked.params if name not in CONTROLS}),
    )


@_of_page
def words(request: HttpRequest, page: Page) -> HttpResponse:
    """The sentences that the page opens with."""
    asked = question(request.GET.dict(), request.user, page)
    sentences = [unbroken(sentence) for sentence in page.words(asked.asked)] if asked and page.words else []
    return _piece(request, "metrics/_dashboard_words.html", page, sentences=sentences)


@_of_page
def panel(request: HttpRequest, page: Page, key: str) -> HttpResponse:
    registered, asked = _panel_asked(request, page, key)
    made = panel_of(registered.function, asked.asked)
    return _piece(
        request,
        "metrics/_dashboard_panel.html",
        page,
        panel_title=registered.title,
        view=_view_of(registered, made, page, asked),
        window=window(asked, page) if not _is_piece(request) else None,
    )


@_of_page
def download(request: HttpRequest, page: Page, key: str) -> HttpResponseBase:
    """The panel's table as CSV: the same rows, numbers as they are."""
    registered, asked = _panel_asked(request, page, key)
    made = panel_of(registered.function, asked.asked)
    # Names of columns may come out of reports as well.
    columns = [base.Column(safe(column.name), column.label) for column in made.columns]
    response = as_download(stream_rows(columns, _raw_rows(made), "csv"), registered.key, "csv")
    response["Content-Disposition"] = f'attachment; filename="{_file_name(page, registered, asked)}.csv"'
    return response


def _panel_asked(request: HttpRequest, page: Page, key: str) -> tuple[RegisteredPanel, Question]:
    registered = page.panels.get(key)
    if registered is None:
        raise Http404("There is no such panel.")
    if not _may(request, registered.permission):
        raise PermissionDenied
    asked = question(request.GET.dict(), request.user, page)
    if asked is None:
        raise Http404("There is no organization or enterprise yet.")
    return registered, asked


def _may(request: HttpRequest, permission: str) -> bool:
    user: Any = request.user
    return not permission or user.has_perm(permission)


# --- Addresses --------------------------------------------------------------------------------


def _panel_query(asked: Question) -> str:
    """With the account named, so that panels need not look for the usual one, each by itself."""
    return asked.asked.query(scope=str(asked.asked.scope.account.pk))


def _words_url(page: Page) -> str:
    return reverse("metrics:usage_words", args=[page.slug])


def _panel_url(page: Page, panel: RegisteredPanel) -> str:
    return reverse("metrics:usage_panel", args=[page.slug, panel.key])


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def in_rows(panels: Sequence[RegisteredPanel]) -> Iterator[tuple[RegisteredPanel, bool]]:
    """Each panel, and whether it has a row to itself: a narrow one that would stand alone gets it as well."""
    is_second = False
    for number, panel in enumerate(panels):
        has_neighbour = number + 1 < len(panels) and not panels[number + 1].wide
        is_wide = panel.wide or not (is_second or has_neighbour)
        is_second = not is_wide and not is_second
        yield panel, is_wide


# --- What templates show ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Large:
    """A headline in words."""

    headline: Headline
    value: str
    change: str
    before: str


@dataclass(frozen=True, slots=True)
class PanelView:
    registered: RegisteredPanel
    panel: Panel
    headlines: list[Large]
    chart: dict[str, Any] | None
    says: str
    table: str
    # The table itself is what is looked at: it is not hidden behind a drawing.
    is_table: bool
    is_heat: bool
    hidden_rows: int
    csv_url: str
    chart_id: str
    subtitle: str
    file_name: str


def _view_of(registered: RegisteredPanel, made: Panel, page: Page, asked: Question) -> PanelView:
    drawing, period = made.drawing, asked.asked.period
    drawn = chart(made)
    subtitle = f"{scope_name(asked, page)}, {period.first} to {period.last} (UTC)"
    if (before := asked.asked.before) and drawing and drawing.dashed:
        subtitle += f", before: {before.first} to {before.last}"
    if drawn is not None:
        drawn |= {"title": registered.title, "subtitle": subtitle}
    csv_url = reverse("metrics:usage_csv", args=[page.slug, registered.key])
    return PanelView(
        registered,
        made,
        [_large(headline) for headline in made.headlines],
        drawn,
        in_a_sentence(made, registered.title),
        table(made, registered.title) if made.rows else "",
        is_table=drawn is None,
        is_heat=drawing is not None and drawing.form == Form.HEAT,
        hidden_rows=max(0, len(made.rows) - SHOWN_ROWS),
        csv_url=_with_query(csv_url, _panel_query(asked)) if made.rows else "",
        chart_id=f"chart-{registered.key}",
        subtitle=subtitle,
        file_name=_file_name(page, registered, asked),
    )


def _file_name(page: Page, registered: RegisteredPanel, asked: Question) -> str:
    """Page, panel, scope and days; without what a scope has that file names have not."""
    period = asked.asked.period
    scope = slugify(scope_name(asked, page))
    return f"{page.slug}-{registered.key}-{scope}-{period.first}-{period.last}"


def _large(headline: Headline) -> Large:
    return Large(
        headline,
        unbroken(written(headline.value, headline.kind)),
        unbroken(change(headline.value, headline.before, headline.kind)),
        unbroken(written(headline.before, headline.kind)) if headline.before is not None else "",
    )


def _raw_rows(made: Panel) -> Iterator[base.Row]:
    for row in made.rows:
        values = (plain(cell) for cell in row)
        # Files hold no binary fractions.
        yield [Decimal(str(value)) if isinstance(value, float) else value for value in values]


# --- Answers ----------------------------------------------------------------------------------


def _is_piece(request: HttpRequest) -> bool:
    return ASKED_BY_SCRIPT in request.headers


def _piece(request: HttpRequest, template: str, page: Page, **context: Any) -> HttpResponse:
    """Only the piece for our script, else a page around it."""
    if _is_piece(request):
        response: HttpResponse = TemplateResponse(request, template, context)
        # Told from the login page, to which a request may have been sent instead.
        response[ASKED_BY_SCRIPT] = page.slug
    else:
        context |= {"piece": template, "back_url": _with_query(_url_of(page), request.META["QUERY_STRING"])}
        response = _render(request, "metrics/dashboard_piece.html", page, **context)
    # The same address answers in two ways.
    response["Vary"] = f"{ASKED_BY_SCRIPT}, Cookie"
    return response


def _url_of(page: Page) -> str:
    return reverse("metrics:usage", args=[page.slug])


def _render(request: HttpRequest, template: str, page: Page, **context: Any) -> HttpResponse:
    return TemplateResponse(
        request,
        template,
        {
            **admin.site.each_context(request),
            "title": page.title,
            "page": page,
            "upload_url": page_for(request.user, "metrics:upload", "portal.add_reportfile"),
            **context,
        },
    )
