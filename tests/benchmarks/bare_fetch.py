"""The yardstick of a seat sync: fetch every page with requests, do nothing with it. Prints the seconds.

Start-up is left out: it is the fetch alone that a sync is measured against.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

PAGE = 100


def fetch(url: str, threads: int) -> float:
    """Seconds to read every page of the seat list at `url`, each thread with a connection of its own."""
    local = threading.local()
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "User-Agent": "bare-fetch"}

    def page(number: int) -> requests.Response:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer: requests.Response = local.session.get(
            url, params={"per_page": PAGE, "page": number}, headers=headers, timeout=60
        )
        answer.raise_for_status()
        return answer

    started = time.perf_counter()
    total = page(1).json()["total_seats"]
    others = range(2, math.ceil(total / PAGE) + 1)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(page, others):
            pass
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write(f"{fetch(sys.argv[1], int(sys.argv[2])):.4f}\n")
