"""Pages of seats for people who do not log in."""

from django.urls import path

from seats import views

app_name = "seats"
urlpatterns = [path("still-needed/", views.still_needed, name="still_needed")]
