"""The admin is the product: it lives at the root."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("portal.health")),
    path("", include("portal.reports.urls")),
    path("", include("metrics.urls")),
    path("", include("seats.urls")),
    path("", admin.site.urls),
]
