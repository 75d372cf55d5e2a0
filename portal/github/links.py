"""Addresses: whose they are, which may be followed, and what a `Link` header says.

An address decides where a token goes, so it is read as strictly as the library reads it that connects:
whatever two readers could take for two hosts is no address here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

DEFAULT_REPORT_HOSTS = (
    "copilot-reports.github.com",
    "copilot-reports.*.ghe.com",
    "copilot-reports-*.azurefd.net",  # until May 2026
)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"[!-\[\]-~]+", re.ASCII)  # printable, no blank and no backslash
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)
_PAGE = re.compile(r"(?<=[?&])page=(\d{1,9})(?=&|$)")


class Origin(NamedTuple):
    """Where a request goes: two addresses of one origin are the same server's."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK


def origin_of(url: str) -> Origin | None:
    """The origin of an absolute http(s) address; None where it has none, or names a user."""
    if not _PLAIN.fullmatch(url):
        return None
    try:
        parts = parse_url(url)
    except (LocationParseError, ValueError):
        return None
    if parts.scheme not in _PORTS or not parts.host or parts.auth is not None:
        return None
    host = parts.host.lower().strip("[]").removesuffix(".")
    return Origin(parts.scheme, host, parts.port or _PORTS[parts.scheme]) if host else None


def read_links(header: str, base: str) -> dict[str, str]:
    """Relation → absolute address, of a `Link` header; the first of each relation."""
    links: dict[str, str] = {}
    for match in _LINK.finditer(header):
        rel = _REL.search(match.group(2))
        if rel is None:
            continue
        try:
            url = urljoin(base, match.group(1).strip())
        except ValueError:
            continue
        for name in (rel.group(1) or rel.group(2) or "").lower().split():
            links.setdefault(name, url)
    return links


def page_number(url: str) -> int | None:
    """The page that an address asks for; None where it does not say, or twice."""
    found = _PAGE.findall(url)
    return int(found[0]) if len(found) == 1 else None


def with_page(url: str, number: int) -> str:
    """The address of another page of the same list."""
    return _PAGE.sub(f"page={number}", url)


class ReportHosts:
    """The hosts that report files may come from.

    Names, with `*` for any part of one. https on its usual port, unless the entry names a port; a loopback
    host also allows http, and any port unless the entry names one.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self._loopback: set[tuple[str, int | None]] = set()
        self._patterns: list[tuple[re.Pattern[str], int]] = []
        for entry in entries:
            self._add(entry.strip().lower())

    def _add(self, entry: str) -> None:
        name = entry.removeprefix("http://").removeprefix("https://").strip("/")
        if name.strip("[]") in LOOPBACK:
            self._loopback.add((name.strip("[]"), None))
            return
        host, _, port = name.partition(":")
        if host in LOOPBACK and port.isdigit():
            self._loopback.add((host, int(port)))
            return
        domain = host.rpartition("*")[2]
        is_name = re.fullmatch(r"[a-z0-9.*-]+", host) and (port.isdigit() or not port)
        # What stands behind the last * is all that keeps strangers out.
        if not is_name or ("*" in host and not re.fullmatch(r"[a-z0-9-]*\.[a-z0-9-]+\.[a-z0-9.-]+", domain)):
            raise ValueError(
                f"“{entry}” is no host that reports may come from: name it, or its domain after *."
            )
        pattern = re.compile("[a-z0-9.-]+".join(re.escape(part) for part in host.split("*")))
        self._patterns.append((pattern, int(port or _PORTS["https"])))

    def allows(self, origin: Origin) -> bool:
        """Whether a file may be fetched from there."""
        if {(origin.host, None), (origin.host, origin.port)} & self._loopback:
            return True
        return origin.scheme == "https" and any(
            port == origin.port and pattern.fullmatch(origin.host) for pattern, port in self._patterns
        )
