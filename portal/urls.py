"""The admin is the product: it lives at the root."""

from django.contrib import admin
from django.urls import include, path

from portal.home_tables import home_table

urlpatterns = [
    path("", include("portal.health")),
    path("", include("portal.reports.urls")),
    path("home/<slug:name>/<str:file_format>/", admin.site.admin_view(home_table), name="home_table"),
    path("", include("metrics.urls")),
    path("", include("seats.urls")),
    path("", admin.site.urls),
]
