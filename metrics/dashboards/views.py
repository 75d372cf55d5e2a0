"""A page at once, its panels side by side after it: each is an address of its own.

Asked by our script a panel is a piece of a page; opened by hand, as without JavaScript, it is a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial, wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.asking import CONTROLS, Question, question
from metrics.dashboards.compared import panel_of
from metrics.dashboards.controls import controls
from metrics.dashboards.panel import Panel, plain
from metrics.dashboards.pieces import piece
from metrics.dashboards.registry import Page, RegisteredPanel, pages
from metrics.dashboards.shown import file_name, in_rows, view_of
from metrics.dashboards.window import window
from metrics.dashboards.written import unbroken
from portal.frame import framed
from portal.reports import base
from portal.reports.writers import as_download, safe, stream_rows
from portal.site import page_for
from portal.stamps import read_once

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
    with read_once():
        content = piece(page, "page", asked, partial(_main, page))
        return HttpResponse(framed(request, "metrics/dashboard.html", page.title, content))


def _main(page: Page, asked: Question) -> str:
    query, user = _panel_query(asked), asked.asked.user
    instead = page.instead(asked.asked) if page.instead else ""
    permitted = [panel for panel in page.panels.values() if not instead and _holds(user, panel.permission)]
    context = {
        "controls": controls(asked, page, user),
        "window": window(asked, page),
        "said": asked.said,
        "instead": instead,
        "words_url": _with_query(_words_url(page), query) if page.words and not instead else "",
        "panels": [
            {"panel": panel, "is_wide": is_wide, "url": _with_query(_panel_url(page, panel), query)}
            for panel, is_wide in in_rows(permitted)
        ],
        "shared": asked.asked.query(**{name: None for name in asked.asked.params if name not in CONTROLS}),
    }
    return render_to_string("metrics/_dashboard_page.html", context)


@_of_page
def words(request: HttpRequest, page: Page) -> HttpResponse:
    """The sentences that the page opens with."""
    asked = question(request.GET.dict(), request.user, page)
    content = piece(page, "words", asked, partial(_sentences, page)) if asked and page.words else ""
    return _answer(request, page, content)


def _sentences(page: Page, asked: Question) -> str:
    sentences = [unbroken(sentence) for sentence in page.words(asked.asked)] if page.words else []
    return render_to_string("metrics/_dashboard_words.html", {"sentences": sentences})


@_of_page
def panel(request: HttpRequest, page: Page, key: str) -> HttpResponse:
    registered, asked = _panel_asked(request, page, key)
    with read_once():
        content = piece(page, key, asked, partial(_finished, page, registered))
    if _is_piece(request):
        return _answer(request, page, content)
    return _answer(request, page, content, panel_title=registered.title, window=window(asked, page))


def _finished(page: Page, registered: RegisteredPanel, asked: Question) -> str:
    made = panel_of(registered.function, asked.asked)
    view = view_of(registered, made, page, asked, _csv_url(page, registered, asked))
    return render_to_string("metrics/_dashboard_panel.html", {"view": view})


@_of_page
def download(request: HttpRequest, page: Page, key: str) -> HttpResponseBase:
    """The panel's table as CSV: the same rows, numbers as they are."""
    registered, asked = _panel_asked(request, page, key)
    made = panel_of(registered.function, asked.asked)
    # Names of columns may come out of reports as well.
    columns = [base.Column(safe(column.name), column.label) for column in made.columns]
    response = as_download(stream_rows(columns, _raw_rows(made), "csv"), registered.key, "csv")
    response["Content-Disposition"] = f'attachment; filename="{file_name(page, registered, asked)}.csv"'
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
    return _holds(request.user, permission)


def _holds(user: Any, permission: str) -> bool:
    return not permission or user.has_perm(permission)


# --- Addresses --------------------------------------------------------------------------------


def _panel_query(asked: Question) -> str:
    """With the account named, so that panels need not look for the usual one, each by itself."""
    return asked.asked.query(scope=str(asked.asked.scope.account.pk))


def _words_url(page: Page) -> str:
    return reverse("metrics:usage_words", args=[page.slug])


def _panel_url(page: Page, panel: RegisteredPanel) -> str:
    return reverse("metrics:usage_panel", args=[page.slug, panel.key])


def _csv_url(page: Page, panel: RegisteredPanel, asked: Question) -> str:
    return _with_query(reverse("metrics:usage_csv", args=[page.slug, panel.key]), _panel_query(asked))


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _raw_rows(made: Panel) -> Iterator[base.Row]:
    for row in made.rows:
        values = (plain(cell) for cell in row)
        # Files hold no binary fractions.
        yield [Decimal(str(value)) if isinstance(value, float) else value for value in values]


# --- Answers ----------------------------------------------------------------------------------


def _is_piece(request: HttpRequest) -> bool:
    return ASKED_BY_SCRIPT in request.headers


def _answer(request: HttpRequest, page: Page, content: str, **context: Any) -> HttpResponse:
    """Only the piece for our script, else a page around it."""
    response: HttpResponse
    if _is_piece(request):
        response = HttpResponse(content)
        # Told from the login page, to which a request may have been sent instead.
        response[ASKED_BY_SCRIPT] = page.slug
    else:
        back_url = _with_query(_url_of(page), request.META["QUERY_STRING"])
        context |= {"piece": content, "back_url": back_url}
        response = _render(request, "metrics/dashboard_piece.html", page, **context)
    # The same address answers in two ways.
    response["Vary"] = f"{ASKED_BY_SCRIPT}, Cookie"
    return response


def _url_of(page: Page) -> str:
    return reverse("metrics:usage", args=[page.slug])


def _render(request: HttpRequest, template: str, page: Page, **context: Any) -> TemplateResponse:
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
