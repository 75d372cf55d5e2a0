"""An address with a NUL character is nobody's: PostgreSQL takes none, and no page needs to say so itself."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

NUL = "\x00"


class NulCharacterMiddleware:
    """Answers 400 where a query holds a NUL; what is sent by a form is checked by its fields."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: object) -> None:
        if any(NUL in text for name, values in request.GET.lists() for text in (name, *values)):
            raise BadRequest("The address holds a NUL character.")
