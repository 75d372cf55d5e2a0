"""How long 20,000 seats take to read: hardly longer than the bare requests for them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from threading import local

import msgspec
import pytest
import requests

from portal.github.auth import TokenAuth
from portal.github.client import GitHub
from portal.github.payloads import read_seat_page
from tests.fake_github import State, seat
from tests.portal.github.conftest import OCTO, TOKEN

MOST_CPU_OF_A_PAGE = 0.002  # seconds

SERVER = """
import sys
from tests.fake_github import FakeGitHub, State, seat
state = State()
octo = state.organization("octo")
octo.seats.extend(seat(octo.member(f"user-{number}")) for number in range(20_000))
state.token(sys.argv[1], limit=10**9)
octo.encoded_rows()
with FakeGitHub(state, latency=float(sys.argv[2]), check=False) as fake:
    print(fake.url, flush=True)
    sys.stdin.read()
"""


def test_a_page_is_decoded_in_a_fraction_of_its_time() -> None:
    octo = State().organization("octo")
    octo.seats.extend(seat(octo.member(f"user-{number}")) for number in range(100))
    body = msgspec.json.encode({"total_seats": 100, "seats": octo.seats})
    assert _best_of(20, lambda: read_seat_page(body), time.process_time) < MOST_CPU_OF_A_PAGE


def _best_of(times: int, work: Callable[[], object], clock: Callable[[], float]) -> float:
    spent = []
    for _ in range(times):
        began = clock()
        work()
        spent.append(clock() - began)
    return min(spent)


@contextmanager
def large_company(latency: float) -> Iterator[str]:
    """The address of a fake GitHub with 20,000 seats, in a process of its own."""
    command = [sys.executable, "-c", SERVER, TOKEN, str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def bare(url: str, threads: int) -> None:
    """Every page by `requests`, and nothing done with it."""
    here = local()

    def page(number: int) -> bytes:
        if not hasattr(here, "session"):
            here.session = requests.Session()
            sessions.append(here.session)
        path = f"/orgs/octo/copilot/billing/seats?per_page=100&page={number}"
        return bytes(here.session.get(url + path, headers={"Authorization": f"Bearer {TOKEN}"}).content)

    sessions: list[requests.Session] = []
    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(page, range(1, 201)))
    for session in sessions:
        session.close()


def ours(url: str, threads: int) -> None:
    with GitHub(url, TokenAuth(TOKEN), parallel=threads) as client:
        assert client.seats(OCTO).is_complete
        assert client.counted.requests == 200


@pytest.mark.long
@pytest.mark.parametrize(("latency", "threads", "most"), [(0.05, 4, 1.15), (0.0, 1, 2.0), (0.0, 4, 2.0)])
def test_reading_a_large_roster_costs_little_more_than_its_requests(
    latency: float, threads: int, most: float
) -> None:
    ratios = []
    with large_company(latency) as url:
        ours(url, threads)
        for _ in range(5):
            floor = _best_of(1, lambda: bare(url, threads), time.perf_counter)
            ratios.append(_best_of(1, lambda: ours(url, threads), time.perf_counter) / floor)
    assert median(ratios) < most


@pytest.mark.long
def test_a_page_costs_little_of_the_processor() -> None:
    with large_company(0.0) as url:
        ours(url, 4)
        spent = _best_of(5, lambda: ours(url, 4), time.process_time)
    assert spent / 200 < MOST_CPU_OF_A_PAGE
