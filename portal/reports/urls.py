"""Pages of reports."""

from django.contrib import admin
from django.urls import path

from portal.reports import views

app_name = "reports"
urlpatterns = [
    path("reports/", admin.site.admin_view(views.index), name="index"),
    path("reports/<slug:name>/", views.report_page, name="report"),
    path("reports/<slug:name>/download/", views.download, name="download"),
    path("reports/<slug:name>/save/", views.save, name="save"),
]
