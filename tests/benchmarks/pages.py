"""How long pages take and how many queries, printed as JSON; run with the settings of the portal to ask."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import django

ROUNDS = 15
# The empty page: a list of the same admin with nothing in it.
PAGES = {
    "empty": "admin:seats_exemption_changelist",
    "home": "admin:index",
    "seats": "admin:seats_seat_changelist",
}


def measure() -> dict[str, dict[str, float]]:
    """Milliseconds (median, in alternation) and queries of each page."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    client = Client()
    users: Any = get_user_model()
    client.force_login(users.objects.create_superuser("benchmark"))
    addresses = {name: reverse(view) for name, view in PAGES.items()}
    queries = {}
    for name, address in addresses.items():
        _get(client, address)
        with CaptureQueriesContext(connection) as captured:
            _get(client, address)
        queries[name] = len(captured)
    times: dict[str, list[float]] = {name: [] for name in addresses}
    for _ in range(ROUNDS):
        for name, address in addresses.items():
            start = time.perf_counter()
            _get(client, address)
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: {"ms": statistics.median(times[name]), "queries": queries[name]} for name in addresses}


def _get(client: Any, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 200, f"{address}: {response.status_code}"


if __name__ == "__main__":
    django.setup()
    json.dump(measure(), sys.stdout)
