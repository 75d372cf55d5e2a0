"""Lists, read to their end: the first page tells how many there are, the others are asked for in parallel."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from portal.github.errors import UnexpectedReply
from portal.github.limits import Counted, Gate
from portal.github.links import page_number, read_links, with_page
from portal.github.transport import Answer, Transport

T = TypeVar("T")

OnPage = Callable[[int, int], None]

MOST_PAGES = 10_000  # a million seats
_TICK = 0.1  # seconds between two looks at whether to stop, while pages are on their way


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    value: T
    answer: Answer = field(repr=False)
    links: dict[str, str] = field(repr=False)  # relation → address


@dataclass(frozen=True, slots=True)
class _Got(Generic[T]):
    """What a page thread brings back."""

    place: int
    page: Page[T] | None = None
    error: BaseException | None = None


class Pages:
    """Reads lists page by page, up to `parallel` of them at a time."""

    def __init__(self, transport: Transport, gate: Gate, counted: Counted, parallel: int) -> None:
        self._transport = transport
        self._gate = gate
        self._counted = counted
        self._parallel = max(parallel, 1)
        self._pool: ThreadPoolExecutor | None = None
        self._halt = threading.Event()

    def read(
        self, url: str, read: Callable[[bytes], T], on_page: OnPage | None = None, *, as_app: bool = False
    ) -> list[Page[T]]:
        """Every page, in order; or the first trouble, and no page. `on_page(done, total)` after each."""
        first = self._page(url, read, as_app=as_app)
        urls = self._rest(first)
        progress = on_page or _silent
        progress(1, len(urls) + 1)
        pages = [first, *self._several(urls, read, progress, as_app=as_app)]
        # The list may have grown meanwhile, or its first page did not tell where it ends.
        seen = {url, *urls}
        while following := pages[-1].links.get("next"):
            if following in seen:
                raise UnexpectedReply("GitHub's list leads in a circle: a page names itself as the next one.")
            if len(pages) >= MOST_PAGES:
                raise UnexpectedReply(f"GitHub's list does not end: it has more than {MOST_PAGES:,} pages.")
            seen.add(following)
            pages.append(self._page(following, read, as_app=as_app))
            progress(len(pages), len(pages))
        return pages

    def _rest(self, first: Page[T]) -> list[str]:
        """The addresses of pages 2 to the last; none where the first page does not tell."""
        following, last = first.links.get("next"), first.links.get("last")
        number = page_number(last) if last else None
        if not following or not last or number is None or with_page(last, 2) != following:
            return []
        if number > MOST_PAGES:
            raise UnexpectedReply(f"GitHub's list is said to have {number:,} pages: that cannot be.")
        return [with_page(last, page) for page in range(2, number + 1)]

    def _page(self, url: str, read: Callable[[bytes], T], *, as_app: bool) -> Page[T]:
        value, answer = self._transport.get(url, read, as_app=as_app)
        self._counted.add(pages=1)
        return Page(value, answer, read_links(answer.headers.get("Link", ""), url))

    def _several(
        self, urls: list[str], read: Callable[[bytes], T], progress: OnPage, *, as_app: bool
    ) -> Iterator[Page[T]]:
        if len(urls) < 2 or self._parallel < 2:
            for done, url in enumerate(urls, 2):
                yield self._page(url, read, as_app=as_app)
                progress(done, len(urls) + 1)
            return
        yield from self._in_parallel(urls, lambda url: self._page(url, read, as_app=as_app), progress)

    def _in_parallel(
        self, urls: list[str], page: Callable[[str], Page[T]], progress: OnPage
    ) -> list[Page[T]]:
        """Pages by several threads. All that may touch a database happens in this one."""
        pool, got = self._threads(), SimpleQueue[_Got[T]]()
        halt = self._halt = threading.Event()

        def fetch(place: int, url: str) -> None:
            try:
                with self._gate.in_page_thread(halt):
                    got.put(_Got(place, page(url)))
            except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
                got.put(_Got(place, error=error))

        waiting, under_way = deque(enumerate(urls)), 0
        pages: dict[int, Page[T]] = {}
        try:
            while len(pages) < len(urls):
                while waiting and under_way < 2 * self._parallel:
                    pool.submit(fetch, *waiting.popleft())
                    under_way += 1
                try:
                    one = got.get(timeout=_TICK)
                except Empty:
                    self._gate.look()
                    continue
                under_way -= 1
                self._gate.look()
                if one.page is None:
                    raise one.error or RuntimeError("a page thread brought nothing")
                pages[one.place] = one.page
                progress(len(pages) + 1, len(urls) + 1)
        except BaseException:
            halt.set()
            raise
        return [pages[place] for place in range(len(urls))]

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="github-page")
        return self._pool

    def halt(self) -> None:
        """Let no page thread send anything more."""
        self._halt.set()

    def close(self) -> None:
        """End the threads; what they wait for must have been ended before."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _silent(_done: int, _total: int) -> None:
    return None
