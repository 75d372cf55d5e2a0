"""Years of random companies, with everything that goes wrong in them: no seat is ever taken back wrongly.

Each example is a company with its people, its policy and its misfortunes, lived through day by day; the
watchdog at GitHub's door judges every seat that is asked for. A failure names the seed that repeats it.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import django
import pytest
import time_machine
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from portal.models import AuditEntry
from tests.seats.reclaim.aftermath import complaints
from tests.seats.reclaim.world import Making
from tests.seats.reclaim.years import TOKEN, TOKEN_VARIABLE, Plan, Years, drawn, empty_database

pytestmark = pytest.mark.django_db(transaction=True)

ANY = examples(
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    settings.REPORT_HOSTS = ["127.0.0.1"]
    post = "tests.seats.reclaim.years.Post"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": post, "OPTIONS": {}}}
    else:
        settings.EMAIL_BACKEND = post


def lived(plan: Plan, clock: time_machine.Coordinates) -> Years:
    """The company's years, in a database of its own."""
    empty_database()
    years = Years(plan, clock)
    years.run()
    found = complaints(years)
    assert not found, f"{plan}\n" + "\n".join(found)
    return years


def told(totals: Counter[str], years: Years) -> None:
    totals["companies"] += 1
    totals["lives"] += len(years.company.lives)
    totals["days"] += years.plan.days
    totals["seats asked"] += years.watchdog.seats_asked["seats"]
    totals.update({f"refused: {brake}": count for brake, count in years.desk.refusals.items()})


def test_a_month_of_a_small_company(clock: time_machine.Coordinates) -> None:
    plan = Plan(
        Making(seed=42, people=10, organizations=1, by_team=0.1, twice=0.0),
        days=9,
        policy={
            "idle_days": 7, "grace_days": 2, "notice_days": 1, "min_watched_days": 0, "mode": "propose",
            "max_percent_per_run": 50, "max_percent_per_day": 100, "max_idle_jump": 100,
        },
        misfortune=0.05,
        treachery=0.5,
    )  # fmt: skip

    years = lived(plan, clock)

    assert years.watchdog.seats_asked["seats"] >= 1


@pytest.mark.long
@pytest.mark.parametrize("shelf", range(20))
def test_any_company_under_any_policy(shelf: int, clock: time_machine.Coordinates) -> None:
    """Some thirty lives each: with all the shelves, thousands."""
    totals: Counter[str] = Counter()

    @examples(ANY, max_examples=5)
    @given(number=st.integers(0, 999), days=st.integers(40, 120))
    def each(number: int, days: int) -> None:
        seed = shelf * 1000 + number
        told(totals, lived(drawn(Random(seed), seed, days=days), clock))

    each()

    assert totals["lives"] >= 20


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_the_same_over_http(seed: int, clock: time_machine.Coordinates) -> None:
    lived(drawn(Random(seed), seed, days=20, over_http=True), clock)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_five_thousand_seats(seed: int, clock: time_machine.Coordinates) -> None:
    dice = Random(seed)
    plan = Plan(
        Making(
            seed=seed, people=5000, organizations=dice.choice([1, 2]), has_enterprise=seed % 2 == 1,
            by_team=0.05, by_enterprise=0.2, twice=0.01,
        ),
        days=8,
        policy={
            "idle_days": dice.choice([7, 14]), "grace_days": 5, "notice_days": 1, "min_watched_days": 0,
            "mode": dice.choice(["propose", "automatic"]), "max_seats_per_run": 120,
            "max_idle_jump": 100, "confirm_above": 1000,
        },
        misfortune=0.05,
        treachery=0.1,
    )  # fmt: skip

    years = lived(plan, clock)

    # How many are left by caps, short lists and lost calls is for each seed to say; none would prove nothing.
    assert years.watchdog.seats_asked["seats"]
    assert AuditEntry.objects.count() > 10
