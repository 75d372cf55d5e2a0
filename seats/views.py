"""The page behind the link in a notice: one question, one button, no login.

The link travels in the query and then in the form, never in the path: servers and Django write paths to their
logs. It is the authority by itself, so the page needs no cookie and no CSRF token: who does not have the link
cannot answer, and who has it may.
"""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from seats.reclaim import answers
from seats.reclaim.answer_words import page_of
from seats.reclaim.answers import Standing
from seats.reclaim.links import PARAMETER

STATUS = {Standing.UNKNOWN: HTTPStatus.NOT_FOUND, Standing.EXPIRED: HTTPStatus.GONE}
HEADERS = {
    # Nobody else is to learn the link: no page it leads to, no cache, no search engine.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


@csrf_exempt
def still_needed(request: HttpRequest) -> HttpResponse:
    """GET asks, and changes nothing; POST answers."""
    if request.method in ("GET", "HEAD"):
        token = request.GET.get(PARAMETER, "")
        found = answers.look(token)
    elif request.method == "POST":
        token = request.POST.get(PARAMETER, "")
        found = answers.answer(token)
    else:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    # Without the request: no user, no session, no messages belong on this page.
    body = render_to_string(
        "seats/notices/still_needed.html",
        {
            "page": page_of(found),
            "parameter": PARAMETER,
            "token": token,
            "url": reverse("seats:still_needed"),
            "is_good": found.standing in (Standing.ANSWERED, Standing.KEPT, Standing.USED),
        },
    )
    return HttpResponse(body, status=STATUS.get(found.standing, HTTPStatus.OK), headers=HEADERS)
