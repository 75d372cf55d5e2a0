"""Everything that goes wrong between a client and GitHub, on demand, the same for the same seed.

    github.trouble = Trouble("502", rate=0.3, seed=1)
    github.trouble = [Trouble("429", retry_after=1, times=1), Trouble("reset", where=is_report_file)]

Which requests meet it depends on the seed, the request, and how often that one was made: not on the
order in which parallel requests arrive.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Literal, get_args

from tests.fake_github.exchange import Request

Kind = Literal[
    # The server fails. 500 says so in JSON, the others in HTML; all may carry `Retry-After`.
    "500", "502", "503",
    # It fails when it has done what was asked.
    "500-late",
    # Limits, with `retry-after` or without. "429" is the secondary one; primary: remaining 0 and a reset.
    "429", "429-primary", "403-primary", "403-secondary",
    # The connection: cut before the answer or in its middle, silent before it or in its middle.
    "reset", "reset-midway", "stall", "stall-midway",
    # The body: shorter than announced, or slow.
    "truncated", "drip",
    # A link to a report file no longer works. A report file ends in the middle of a line.
    "expired-link", "half-file",
    # The token is refused. A page of HTML where JSON should be. JSON of another shape.
    "401", "html", "wrong-shape",
    # A roster that changes between pages: somebody left, somebody joined, or both. One that is empty.
    "shift", "shift-join", "shift-swap", "empty-roster",
    # Pages: `next` names the same page for ever, or another host.
    "endless-next", "foreign-next",
    # 307 to the same path with one more parameter.
    "redirect",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
LIMITS = frozenset({"429", "429-primary", "403-primary", "403-secondary"})
# Of these the connection itself takes care.
ON_THE_WIRE = frozenset({"reset", "reset-midway", "stall", "stall-midway", "truncated", "drip"})


def is_seat_page(request: Request) -> bool:
    return request.path.endswith("/copilot/billing/seats")


def is_roster(request: Request) -> bool:
    """A page of seats, members, teams or a team's members."""
    return is_seat_page(request) or request.path.endswith(("/members", "/teams", "/memberships"))


def is_report_file(request: Request) -> bool:
    return request.path.startswith("/files/")


def _anything(request: Request) -> bool:
    return True


_PLACES: dict[str, Callable[[Request], bool]] = {
    "expired-link": is_report_file,
    "half-file": is_report_file,
    "shift": is_seat_page,
    "shift-join": is_seat_page,
    "shift-swap": is_seat_page,
    "empty-roster": is_seat_page,
    "endless-next": is_roster,
    "foreign-next": is_roster,
}
# What a file host cannot do.
_ONLY_THE_API = LIMITS | {"401", "wrong-shape", "endless-next", "foreign-next", "redirect"}


@dataclass
class Trouble:
    """One way of going wrong, for a share of the requests."""

    kind: Kind
    rate: float = 1.0
    seed: int = 1
    # Which requests may meet it at all; by default every one that can.
    where: Callable[[Request], bool] | None = None
    # Seconds, as the header says them; None: no such header.
    retry_after: int | None = None
    # Of a primary limit: seconds until the reset.
    reset_in: int = 1
    # At most this many times.
    times: int | None = None
    # A stall's length (60), or how long a dripping body takes altogether (1).
    seconds: float | None = None
    met: int = 0
    _seen: Counter[str] = field(default_factory=Counter, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} is no kind of trouble: {', '.join(KINDS)}.")

    def strikes(self, request: Request) -> bool:
        """Whether this request meets it. Asking counts."""
        if self.kind in _ONLY_THE_API and is_report_file(request):
            return False
        if not (self.where or _PLACES.get(self.kind, _anything))(request):
            return False
        with self._lock:
            if self.times is not None and self.met >= self.times:
                return False
            # A signed link is another one each time: the file it leads to is what counts.
            name = request.path if is_report_file(request) else request.target
            self._seen[name] += 1
            dice = Random(f"{self.seed}:{self.kind}:{request.method}:{name}:{self._seen[name]}")
            if self.rate < 1 and dice.random() >= self.rate:
                return False
            self.met += 1
            return True


Troubles = Trouble | Iterable[Trouble] | None


def first_to_strike(troubles: Troubles, request: Request) -> Trouble | None:
    if troubles is None:
        return None
    if isinstance(troubles, Trouble):
        troubles = (troubles,)
    return next((each for each in troubles if each.strikes(request)), None)
