"""Every page there is: importing this module registers them."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

NAMES = (
    "overview",
    "adoption",
    "features",
    "code_generation",
    "languages",
    "editors",
    "models_page",
    "pull_requests",
    "agents",
    "seats_page",
    "teams",
    "people",
    "person",
    "impact",
    "data_health",
    "mine",
)

for name in NAMES:
    if find_spec(f"metrics.dashboards.{name}"):
        try:
            import_module(f"metrics.dashboards.{name}")
        except Exception as error:  # noqa: BLE001 - until all pages are there
            print(f"metrics.dashboards.{name}: {error!r}", file=sys.stderr)  # noqa: T201
