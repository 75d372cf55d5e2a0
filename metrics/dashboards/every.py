"""Every page there is: importing this module registers them."""

from __future__ import annotations

from metrics.dashboards import (
    adoption,
    agents,
    code_generation,
    data_health,
    editors,
    features,
    impact,
    languages,
    mine,
    models_page,
    overview,
    people,
    person,
    pull_requests,
    restated_values,
    seats_page,
    teams,
)

__all__ = [
    "adoption",
    "agents",
    "code_generation",
    "data_health",
    "editors",
    "features",
    "impact",
    "languages",
    "mine",
    "models_page",
    "overview",
    "people",
    "person",
    "pull_requests",
    "restated_values",
    "seats_page",
    "teams",
]
