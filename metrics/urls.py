"""Pages of metrics that are no model's changelist."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
