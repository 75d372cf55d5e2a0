"""Addresses of the dashboards: each page has a name of its own, so that the sidebar can name it."""

from __future__ import annotations

from django.urls import path

from metrics.dashboards import views
from metrics.dashboards.registry import pages

urlpatterns = [
    *(path(f"usage/{slug}/", views.show, {"slug": slug}, name=slug) for slug in pages),
    path("usage/<slug:slug>/", views.show, name="usage"),
    path("usage/<slug:slug>/in-words/", views.words, name="usage_words"),
    path("usage/<slug:slug>/<slug:key>.csv", views.download, name="usage_csv"),
    path("usage/<slug:slug>/<slug:key>/", views.panel, name="usage_panel"),
]
