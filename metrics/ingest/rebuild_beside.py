"""Add up lines in other processes, once there are so many that it pays to start some."""

from __future__ import annotations

import gc
import multiprocessing
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Self

from metrics.formats.parsing import WORKERS, begin_to_help, can_share
from metrics.ingest.add_up import AddedUp, add_up

# Lines that one process has added up before the others are called.
SHARED_FROM = 50_000
# Chunks on their way: enough that nobody waits, few enough that memory stays flat.
AHEAD = 6


class Adders:
    """What adds up chunks of lines: this process, for much to do others beside it."""

    def __init__(self) -> None:
        self._lines = 0
        self._pool: ProcessPoolExecutor | None = None
        self._sent: deque[Future[AddedUp]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def submit(
        self, blobs: Sequence[bytes], people: Sequence[int], groups: Sequence[int]
    ) -> Callable[[], AddedUp]:
        """Begin to add up some lines; what is returned waits for the sums."""
        self._lines += len(blobs)
        if self._pool is None and self._lines > SHARED_FROM and can_share():
            # Spawned, not forked: the child must not inherit open connections to the database.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(WORKERS, mp_context=context, initializer=_begin)
        if self._pool is None:
            added = add_up(blobs, people, groups)
            return lambda: added
        while len(self._sent) >= AHEAD:
            self._sent.popleft().result()
        future = self._pool.submit(add_up, blobs, people, groups)
        self._sent.append(future)
        return future.result


def _begin() -> None:
    begin_to_help()
    # Sums are no cycles: to look for some takes a fifth of the time.
    gc.disable()
