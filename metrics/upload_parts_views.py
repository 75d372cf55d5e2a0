"""What the upload page's script talks to: begin, send a part, ask what has arrived, finish, abandon.

Whoever asks is known and permitted before a byte of what they send is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from metrics import upload_parts, uploads
from metrics.forms import SaidForm
from metrics.upload_parts import Elsewhere, NotReceived, Receiving
from metrics.views import page

View = Callable[..., HttpResponse]


def of_sender(view: View) -> View:
    """The view gets what of the token's upload has arrived; nobody but its sender finds it."""

    @wraps(view)
    def found(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponse:
        receiving = upload_parts.find(token, request.user)
        if receiving is None:
            raise Http404("No such upload: it is finished, was removed, or is sent by somebody else.")
        return view(request, receiving, **kwargs)

    return found


@page
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Announce files: refused before a byte is sent, or where to send them and what is here already."""
    form = SaidForm(request.POST)
    if not form.is_valid():
        return _refusal(" ".join(_errors(form)))
    try:
        files = upload_parts.announced(_decoded(request.POST.get("files", "")))
        receiving = upload_parts.begin(files, form.options(), request.user)
    except NotReceived as error:
        return _refusal(str(error))
    address = reverse("metrics:upload_received", args=[receiving.token])
    return JsonResponse({"address": address, "received": receiving.received()})


@page
@require_POST
@of_sender
def part(request: HttpRequest, receiving: Receiving, number: int) -> HttpResponse:
    """The next bytes of a file, as the body; `from` says where they begin."""
    try:
        start = int(request.GET.get("from", ""))
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        # The request reads no more than its length; what follows on the line is not ours.
        here = upload_parts.append(receiving, number, start, length, request)  # type: ignore[arg-type]
    except ValueError:
        return _refusal("It does not say where this part begins.")
    except Elsewhere as elsewhere:
        return JsonResponse({"error": str(elsewhere), "received": elsewhere.received}, status=409)
    except NotReceived as error:
        return _refusal(str(error))
    except UnreadablePostError:
        return _refusal("The line broke: what arrived is kept.")
    return JsonResponse({"received": here})


@page
@require_http_methods(["GET", "HEAD", "POST"])
@of_sender
def received(request: HttpRequest, receiving: Receiving) -> HttpResponse:
    """How many bytes of each file are here; a POST with their sha256 says that these are all."""
    if request.method != "POST":
        return JsonResponse({"received": receiving.received()})
    try:
        sha256 = _decoded(request.POST.get("sha256", ""))
        upload = upload_parts.finish(receiving, sha256 if isinstance(sha256, list) else [])
    except NotReceived as error:
        return _refusal(str(error))
    uploads.start(upload, uploads.PREVIEW, request.user)
    return JsonResponse({"page": reverse("metrics:upload_detail", args=[upload.token])})


@page
@require_POST
@of_sender
def abandon(request: HttpRequest, receiving: Receiving) -> HttpResponse:
    """Remove what has arrived."""
    receiving.remove()
    messages.info(request, "Cancelled. What had arrived was removed; nothing was taken in.")
    return redirect("metrics:upload")


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _errors(form: SaidForm) -> list[str]:
    return [
        f"{form.fields[name].label if name in form.fields else ''}: {error}".removeprefix(": ")
        for name, errors in form.errors.items()
        for error in errors
    ]


def _refusal(sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=400)
