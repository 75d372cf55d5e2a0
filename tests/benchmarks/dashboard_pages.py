"""How long each page of the dashboards and each of its panels takes, beside a bare view; as JSON.

Run with the settings of the portal to ask, as `tests.benchmarks.dashboard_pages ROUNDS [ONLY] [QUERY]`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import django

BARE = "/bare/"
PIECE = {"X-Dashboard-Piece": "1"}
# What a person's page is asked for: somebody with a line on every day.
OWN_PARAMETERS = {"person": "person"}


def addresses(query: str = "") -> dict[str, str]:
    """Every page and panel by name: "overview", "overview/active-users"."""
    from django.urls import reverse

    from metrics.dashboards import every  # noqa: F401 - registers the pages
    from metrics.dashboards.registry import pages
    from seats.models import GitHubUser

    somebody = GitHubUser.objects.order_by("pk").first()
    found = {"empty": reverse("admin:seats_exemption_changelist")}
    for slug, page in sorted(pages.items(), key=lambda item: item[1].order):
        own = {name: somebody.pk for name in page.params if name in OWN_PARAMETERS and somebody}
        asked = "&".join([query, *(f"{name}={value}" for name, value in own.items())]).strip("&")
        address = reverse(f"metrics:{slug}")
        found[slug] = f"{address}?{asked}"
        for key in page.panels:
            found[f"{slug}/{key}"] = f"{address}{key}/?{asked}"
    return found


def measure(rounds: int, only: str, query: str) -> dict[str, dict[str, Any]]:
    """Milliseconds and their ratio to the bare view's, each at its best; queries and bytes.

    Pages are asked as a browser does, panels as the page's script does: a piece each.
    """
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    settings.ROOT_URLCONF = "tests.benchmarks.bare_urls"
    users: Any = get_user_model()
    user, _ = users.objects.get_or_create(username="benchmark", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    found: dict[str, dict[str, Any]] = {}
    for name, address in addresses(query).items():
        if not (name + "/").startswith(only) and name != "empty":
            continue
        ask = partial(client.get, address, headers=PIECE if "/" in name else {})
        answer = ask()
        if answer.status_code != 200:
            found[name] = {"status": answer.status_code}
            continue
        with CaptureQueriesContext(connection) as captured:
            ask()
            queries = len(captured)
        pairs = [(timed(partial(client.get, BARE)), timed(ask)) for _ in range(rounds)]
        # The clock and the processor, each at its best: of a busy machine the clock tells little.
        (bare, bare_cpu), (own, own_cpu) = (
            tuple(map(min, zip(*times, strict=True))) for times in zip(*pairs, strict=True)
        )
        found[name] = {
            "status": 200,
            "ms": own,
            "ratio": own / bare,
            "cpu_ms": own_cpu,
            "cpu_ratio": own_cpu / bare_cpu,
            "queries": queries,
            "bytes": len(answer.content),
        }
    return found


def timed(ask: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds on the clock, and of this process' own work, without the database's."""
    start, cpu = time.perf_counter(), time.process_time()
    answer = ask()
    elapsed = (time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000
    assert answer.status_code == 200, answer
    return elapsed


if __name__ == "__main__":
    django.setup()
    asked_rounds, *others = sys.argv[1:]
    json.dump(measure(int(asked_rounds), *[*others, "", ""][:2]), sys.stdout)
