"""The portal's addresses and one more: a view that only asks who is there, and answers a word."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal.urls import urlpatterns as portal_urls


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"Hello {request.user.get_username()}", content_type="text/plain")


urlpatterns = [path("bare/", bare), *portal_urls]
