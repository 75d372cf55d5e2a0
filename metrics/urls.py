"""Pages of metrics that are no model's changelist."""

from django.urls import path

from metrics import upload_parts_views, views
from metrics.dashboards import urls as dashboards

app_name = "metrics"
urlpatterns = [
    path("upload/", views.upload, name="upload"),
    path("upload/begin/", upload_parts_views.begin, name="upload_begin"),
    path("upload/<str:token>/", views.upload_detail, name="upload_detail"),
    path("upload/<str:token>/progress/", views.upload_progress, name="upload_progress"),
    path("upload/<str:token>/preview/", views.upload_preview, name="upload_preview"),
    path("upload/<str:token>/confirm/", views.upload_confirm, name="upload_confirm"),
    path("upload/<str:token>/stop/", views.upload_stop, name="upload_stop"),
    path("upload/<str:token>/discard/", views.upload_discard, name="upload_discard"),
    path("upload/<str:token>/received/", upload_parts_views.received, name="upload_received"),
    path("upload/<str:token>/files/<int:number>/", upload_parts_views.part, name="upload_part"),
    path("upload/<str:token>/abandon/", upload_parts_views.abandon, name="upload_abandon"),
    *dashboards.urlpatterns,
]
