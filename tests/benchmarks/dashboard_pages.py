"""How long each page of the dashboards and each of its panels takes, beside a bare view; as JSON.

Both cold, with nothing kept of earlier answers, and warm. Counted is work, not waiting: the time that this
process and the database's own one have the processor, so that what else the machine does tells little.

Run with the settings of the portal to ask, as `tests.benchmarks.dashboard_pages ROUNDS [ONLY] [QUERY]`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import django

BARE = "/bare/"
PIECE = {"X-Dashboard-Piece": "1"}
# What a person's page is asked for: somebody with a line on every day.
OWN_PARAMETERS = {"person": "person"}


def addresses(query: str = "") -> dict[str, str]:
    """Every page and panel by name: "overview", "overview/active-users"."""
    from django.urls import reverse

    from metrics.accounts import largest
    from metrics.dashboards import every  # noqa: F401 - registers the pages
    from metrics.dashboards.registry import pages
    from seats.models import GitHubUser

    somebody = GitHubUser.objects.order_by("pk").first()
    account = largest()
    found = {"empty": reverse("admin:seats_exemption_changelist")}
    for slug, page in sorted(pages.items(), key=lambda item: item[1].order):
        own = {name: somebody.pk for name in page.params if name in OWN_PARAMETERS and somebody}
        asked = "&".join([query, *(f"{name}={value}" for name, value in own.items())]).strip("&")
        address = reverse(f"metrics:{slug}")
        found[slug] = f"{address}?{asked}"
        for key in page.panels:
            # The page's script names the account: the page has found out which one is meant.
            named = f"scope={account.pk}&" if account and "scope" not in page.without else ""
            found[f"{slug}/{key}"] = f"{address}{key}/?{named}{asked}"
    return found


def measure(rounds: int, only: str, query: str) -> dict[str, dict[str, Any]]:
    """Milliseconds and their ratio to the bare view's, cold and warm, each at its best; queries and bytes.

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
        forget()
        with CaptureQueriesContext(connection) as captured:
            ask()
            queries = len(captured)
        bare, cold, warm = [], [], []
        for _ in range(rounds):
            bare.append(worked(partial(client.get, BARE)))
            forget()
            cold.append(worked(ask))
            warm.append(worked(ask))
        found[name] = {
            "status": 200,
            "bare_ms": min(bare),
            "ms": min(cold),
            "ratio": min(cold) / min(bare),
            "warm_ms": min(warm),
            "warm_ratio": min(warm) / min(bare),
            "queries": queries,
            "bytes": len(answer.content),
        }
    return found


def forget() -> None:
    """Throw away what is kept of earlier answers."""
    from django.core.cache import caches

    for cache in caches.settings:
        caches[cache].clear()


def worked(ask: Callable[[], Any]) -> float:
    """Milliseconds that this process and the database's own one work for an answer."""
    start = time.process_time() * 1000 + _database_worked()
    answer = ask()
    elapsed = time.process_time() * 1000 + _database_worked() - start
    assert answer.status_code == 200, answer
    return elapsed


def _database_worked() -> float:
    """Of the process behind this connection, where it is one of this machine's; else nothing."""
    from django.db import connection

    connection.ensure_connection()
    own = getattr(getattr(connection.connection, "info", None), "backend_pid", 0)
    try:
        return int(Path(f"/proc/{own}/schedstat").read_text().split()[0]) / 1_000_000 if own else 0
    except OSError:
        return 0


if __name__ == "__main__":
    django.setup()
    asked_rounds, *others = sys.argv[1:]
    json.dump(measure(int(asked_rounds), *[*others, "", ""][:2]), sys.stdout)
