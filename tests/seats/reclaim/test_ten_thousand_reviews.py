"""Ten thousand reviews: looked through, decided, proposed, approved and carried out in comfortable time.

GitHub answers after 50 ms here, as it does. The short test holds the number of queries; the long one is
about seconds, and prints them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from portal.models import Connection, Job
from seats import verdicts
from seats.models import (
    Account,
    BillingSummary,
    GitHubUser,
    InactivityPolicy,
    RemovalTask,
    Revocation,
    RevocationBatch,
    SeatCall,
    SeatReview,
    SeatRoster,
)
from seats.reclaim import flag
from seats.reclaim.approve import approve
from seats.reclaim.propose import propose
from seats.reclaim.revoke import execute_here
from tests.fake_github import FakeGitHub, State, seat
from tests.fake_github.shapes import stamp
from tests.seats.holding import NOON, ago
from tests.seats.reclaim.directly import spoken_directly
from tests.seats.sync.running import done

TOKEN = "a-token-that-only-the-tests-use"
LIST = "admin:seats_seatreview_changelist"


@dataclass
class Company:
    state: State
    github: FakeGitHub
    account: Account
    clock: time_machine.Coordinates
    seconds: dict[str, float] = field(default_factory=dict)
    queries: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        with counted() as asked:
            yield
        self.seconds[what] = time.perf_counter() - began
        self.queries[what] = asked()


@contextmanager
def counted() -> Iterator[Any]:
    """Counts queries without keeping them: ten thousand are many."""
    number = 0

    def count(execute: Any, *args: Any) -> Any:
        nonlocal number
        number += 1
        return execute(*args)

    with database.execute_wrapper(count):
        yield lambda: number


def company_of(people: int, clock: time_machine.Coordinates, latency: float) -> Company:
    """So many who never used their seats, and a few who did today."""
    state = State()
    state.token(TOKEN, limit=10**9)
    octo = state.organization("octo", 900)
    for number in range(1, people + 1):
        octo.seats.append(seat(octo.member(f"idle-{number}", number), created_at=stamp(ago(200))))
    for number in range(people + 1, people + 11):
        octo.seats.append(
            seat(
                octo.member(f"busy-{number}", number),
                created_at=stamp(ago(200)),
                last_activity_at=stamp(NOON),
                last_authenticated_at=stamp(NOON),
            )
        )
    github = FakeGitHub(state, latency=latency, check=False)
    connection = Connection.objects.create(
        name="octo", base_url=github.url, secret_env="GITHUB_TOKEN_OF_THE_TESTS"
    )
    account = Account.objects.create(kind="organization", login="octo", connection=connection)
    InactivityPolicy.objects.update_or_create(
        scope_key="all",
        defaults={
            "mode": "propose", "notice_days": 1, "min_watched_days": 0, "needs_usage_reports": False,
            "max_seats_per_run": 10**6, "max_seats_per_day": 10**6, "max_percent_per_run": 100,
            "max_percent_per_day": 100, "max_idle_jump": 100,
        },
    )  # fmt: skip
    return Company(state, github, account, clock)


def walk_through(company: Company, client: Client, admin: Any) -> None:
    """From the first list to seats taken back, as one person does it."""
    with company.timed("sync"):
        done("seats", company.account)
    done("billing", company.account)
    with company.timed("flag"):
        flag.review()
    url = reverse(LIST)
    for what, query in {
        "list": "", "filter by state": "?state__exact=flagged", "search": "?q=idle-1",
        "sort by idleness": "?o=5", "last page": "?p=9",
    }.items():  # fmt: skip
        with company.timed(what):
            assert client.get(url + query).status_code in (200, 302), what
    bulk(company, client, "told", url, {"note": "in the meeting of all"})
    kept = SeatReview.objects.open().filter(seat__user__login_key__startswith="idle-1").count()
    bulk(company, client, "keep", f"{url}?q=idle-1", {"reason": "the first ones stay"})
    assert SeatReview.objects.filter(state="kept").count() == kept > 0

    company.clock.shift(timedelta(days=2))
    verdicts.refresh()
    done("seats", company.account)
    with company.timed("propose"):
        batch = propose(company.account, None, by=admin)
    proposed = batch.revocations.filter(state=Revocation.State.PROPOSED).count()
    assert proposed == SeatReview.objects.open().count() > 0, batch.revocations.values_list("brake", "says")[
        :3
    ]
    with company.timed("look at the batch"):
        page = client.get(reverse("admin:seats_revocationbatch_change", args=[batch.pk]))
        assert page.status_code == 200
    with company.timed("approve"):
        approve(batch, admin, "nobody uses them", typed=proposed)
    with company.timed("execute"):
        job = execute_here(RevocationBatch.objects.get(), admin)
    assert (job.state, job.error) == (Job.State.DONE, "")
    assert Revocation.objects.filter(state="revoked").count() == proposed
    with company.timed("verify"):
        company.clock.shift(timedelta(hours=2))
        done("seats", company.account)
    assert Revocation.objects.filter(state="verified").count() == proposed


def bulk(company: Company, client: Client, action: str, url: str, form: dict[str, str]) -> None:
    """Everything the list shows at once, over all of its pages: the page that asks, and the confirmation."""
    one = SeatReview.objects.order_by("-pk").values_list("pk", flat=True)[0]
    chosen = {"action": action, "select_across": "1", "_selected_action": [one]}
    with company.timed(f"ask before {action}"):
        page = client.post(url, chosen)
    assert page.status_code == 200, page.status_code
    count = page.context["count"]
    with company.timed(action):
        answer = client.post(url, chosen | form | {"confirmed": "1", "count": count})
    assert answer.status_code == 302, answer.content[:2000]


def forget(company: Company) -> None:
    """So that the next company begins anew; whoever looks at it stays logged in."""
    for model in (Revocation, RevocationBatch, SeatCall, RemovalTask, BillingSummary, SeatRoster):
        model.objects.all().delete()
    company.account.delete()
    GitHubUser.objects.all().delete()
    Connection.objects.all().delete()


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN_OF_THE_TESTS", TOKEN)


@pytest.mark.django_db(transaction=True)
def test_no_step_asks_more_of_the_database_for_more_reviews(
    clock: time_machine.Coordinates, olga: Any, olga_client: Client, token: None
) -> None:
    asked = []
    for people in (12, 36):
        company = company_of(people, clock, latency=0.0)
        with spoken_directly(company.github):
            walk_through(company, olga_client, olga)
        company.github.close()
        asked.append(company.queries)
        forget(company)

    fewer, more = asked
    for what in fewer.keys() - {"execute"}:
        assert more[what] <= fewer[what] + 2, what
    assert more["execute"] <= fewer["execute"] * 2


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_ten_thousand_reviews_are_walked_through_and_timed(
    clock: time_machine.Coordinates,
    olga: Any,
    olga_client: Client,
    token: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    company = company_of(10_000, clock, latency=0.05)
    with company.github:
        walk_through(company, olga_client, olga)

    with capsys.disabled():
        for what, seconds in company.seconds.items():
            print(f"{what:>20}: {seconds:8.2f} s {company.queries[what]:>8,} queries")  # noqa: T201
