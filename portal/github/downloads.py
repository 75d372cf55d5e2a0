"""Report files: fetched from a host of their own that never sees a credential of ours.

Links are signed and short-lived: as good as a password for as long as they hold. They are in no error, no
log and no repr.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urljoin

from requests import Response

from portal.github.errors import GitHubError, ServerTrouble, UnexpectedReply
from portal.github.limits import Counted, Gate, read_retry_after
from portal.github.links import ReportHosts, origin_of
from portal.github.transport import MOST_REDIRECTS, USER_AGENT
from portal.github.wire import Trouble, Wire, body_chunks, prepare

OnBytes = Callable[[int], None]

_EXPIRED = (401, 403, 404, 410)
_GOES_ON = (301, 302, 303, 307, 308)
_TELL_EVERY = 2**20  # bytes


class LinkExpired(Exception):
    """The file host takes the link no longer: fresh ones have to be asked for."""


class _MovedTo(Exception):
    """The file lies elsewhere. The address is in `url` alone."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url


class Downloads:
    """Fetches the files of a report."""

    def __init__(
        self,
        *,
        wire: Wire,
        gate: Gate,
        counted: Counted,
        hosts: ReportHosts,
        most_bytes: int,
        retries: int,
        backoff: Callable[[int], float],
    ) -> None:
        self._wire = wire
        self._gate = gate
        self._counted = counted
        self._hosts = hosts
        self._most_bytes = most_bytes
        self._retries = retries
        self._backoff = backoff

    def fetch(
        self,
        links: Sequence[str],
        again: Callable[[], Sequence[str]],
        folder: Path,
        name: str,
        on_bytes: OnBytes | None,
    ) -> list[Path]:
        """Every part of a report, as files of `folder` that only this user may read.

        `again` gives fresh links where some have expired. Where they lead to other files the report was made
        anew, and no part of the older one is kept. Raises GitHubError, and then leaves no file behind.
        `on_bytes` gets the number of bytes written since it was called last.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths: list[Path] = []
        expired = 0
        try:
            while len(paths) < len(links):
                path = folder / f"{name}-{len(paths) + 1:03}.ndjson"
                try:
                    self._part(links[len(paths)], path, on_bytes or _silent)
                    paths.append(path)
                    continue
                except LinkExpired:
                    expired += 1
                if expired > max(self._retries, 1):
                    raise UnexpectedReply(
                        "The file host refuses every link to the report that GitHub gives. Check that no "
                        "proxy or firewall stands between, and the clock of this machine."
                    )
                if expired > 1:
                    self._gate.pause(self._backoff(expired - 1))
                self._counted.add(retries=1)
                fresh = again()
                if not _are_same_files(links, fresh):
                    _forget(paths)
                links = fresh
        except BaseException:
            _forget(paths)
            raise
        return paths

    def _part(self, link: str, path: Path, on_bytes: OnBytes) -> None:
        """One file, whole or not at all; tried again where it broke off."""
        troubles = 0
        while True:
            self._gate.look()
            try:
                self._stream(link, path, on_bytes)
                self._counted.add(downloads=1)
                return
            except Trouble as trouble:
                troubles += 1
                pause = max(trouble.pause, self._backoff(troubles))
                if troubles > self._retries or not self._gate.may_pause(trouble.pause):
                    raise _given_up(trouble, troubles) from None
            self._counted.add(retries=1)
            self._gate.pause(pause)

    def _stream(self, link: str, path: Path, on_bytes: OnBytes) -> None:
        for _ in range(MOST_REDIRECTS + 1):
            self._check(link)
            request = prepare("GET", link, {"Accept-Encoding": "gzip", "User-Agent": USER_AGENT})
            try:
                self._wire.exchange(request, lambda response: self._take(response, path, on_bytes))
                return
            except _MovedTo as moved:
                link = moved.url
        raise UnexpectedReply("The file host sends us from one place to another without end.")

    def _check(self, link: str) -> None:
        origin = origin_of(link)
        if origin is None or not self._hosts.allows(origin):
            where = f"{origin.scheme}://{origin}" if origin else "no address at all"
            raise UnexpectedReply(
                f"GitHub's link to the report leads to {where}, which is not among the hosts that reports "
                "may come from. If it is GitHub's, add it to REPORT_HOSTS."
            )

    def _take(self, response: Response, path: Path, on_bytes: OnBytes) -> None:
        status = response.status_code
        if status in _GOES_ON:
            raise _MovedTo(urljoin(response.request.url or "", response.headers.get("Location", "")))
        if status in _EXPIRED:
            raise LinkExpired
        if status == 429 or status >= 500:
            raise Trouble(f"answered {status}", "status", read_retry_after(response.headers) or 0.0)
        if status != 200:
            raise UnexpectedReply(f"The host of the report files answered {status}.", status=status)
        if "html" in response.headers.get("Content-Type", "").lower():
            raise Trouble("gave a web page instead of the report", "unreadable")
        self._write(response, path, on_bytes)

    def _write(self, response: Response, path: Path, on_bytes: OnBytes) -> None:
        file = _Private(path)
        try:
            untold, next_look = 0, 0.0
            for chunk in body_chunks(response, self._most_bytes):
                file.write(chunk)
                untold += len(chunk)
                self._counted.add(bytes=len(chunk))
                if untold >= _TELL_EVERY:
                    on_bytes(untold)
                    untold = 0
                if (now := time.monotonic()) >= next_look:
                    self._gate.look()
                    next_look = now + 0.5
            on_bytes(untold)
            file.keep()
        finally:
            file.close()


class _Private:
    """A file that only this user may read, under its own name only once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._is_kept = False
        with _disk(path):
            self._part.unlink(missing_ok=True)
            number = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            self._file = os.fdopen(number, "wb")

    def write(self, chunk: bytes) -> None:
        with _disk(self._path):
            self._file.write(chunk)

    def keep(self) -> None:
        with _disk(self._path):
            self._file.close()
            self._part.replace(self._path)
            self._is_kept = True

    def close(self) -> None:
        """Leave nothing of a file that was not kept."""
        if not self._is_kept:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """A disk that refuses is no trouble of the network's, and trying again is no use."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise GitHubError(f"The report cannot be kept in {path.parent}: {reason}. Make room there.") from None


def _given_up(trouble: Trouble, times: int) -> GitHubError:
    says = f"The host of the report files {trouble}"
    if trouble.kind == "unreadable":
        return UnexpectedReply(f"{says}. Check whether a proxy answers in its place.")
    again = f", {times} times in a row" if times > 1 else ""
    return ServerTrouble(
        f"{says}{again}. Try again later; if it never works, let this machine reach that host."
    )


def _are_same_files(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two sets of links differ in their signatures alone."""
    return [link.partition("?")[0] for link in some] == [link.partition("?")[0] for link in others]


def _forget(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    paths.clear()


def _silent(_bytes: int) -> None:
    return None
