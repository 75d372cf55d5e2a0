"""Pages of metrics that are no model's changelist."""

from django.urls import path

from metrics import views
from metrics.dashboards import urls as dashboards

app_name = "metrics"
urlpatterns = [
    path("upload/", views.upload, name="upload"),
    path("upload/<str:token>/", views.upload_detail, name="upload_detail"),
    path("upload/<str:token>/progress/", views.upload_progress, name="upload_progress"),
    path("upload/<str:token>/preview/", views.upload_preview, name="upload_preview"),
    path("upload/<str:token>/confirm/", views.upload_confirm, name="upload_confirm"),
    path("upload/<str:token>/stop/", views.upload_stop, name="upload_stop"),
    path("upload/<str:token>/discard/", views.upload_discard, name="upload_discard"),
    *dashboards.urlpatterns,
]
