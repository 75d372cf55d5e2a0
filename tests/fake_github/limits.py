"""GitHub's two limits: requests an hour, and bursts. And the record of who came too early."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.fake_github.exchange import Refused, Reply, Request
from tests.fake_github.operations import Operation
from tests.fake_github.state import App, State, Token

HOUR = 3600
# Without a word of when, GitHub wants a minute.
UNSAID = timedelta(seconds=60)
# A request on another connection within this many seconds of a refusal was on its way already.
UNDER_WAY = 0.25
UNAUTHENTICATED = 60
PRIMARY = "API rate limit exceeded for user ID 1."
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass
class Budget:
    """Requests of one hour, from the first one on."""

    limit: int
    used: int = 0
    reset: int = 0

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": "core",
        }

    def record(self) -> dict[str, int]:
        return {
            "limit": self.limit,
            "remaining": self.remaining,
            "used": self.used,
            "reset": self.reset,
        }


@dataclass
class Hold:
    """Nothing may come before `until`."""

    until: datetime
    reply: Reply
    # Real time, connection and target of the refusal, to tell a retry from what was under way.
    since: float
    connection: int
    target: str


@dataclass
class Limits:
    """Counts, refuses, and remembers what it asked for."""

    state: State
    budgets: dict[str, Budget] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    too_early: list[Request] = field(default_factory=list)
    # A failing server's `Retry-After` is about what was asked for, not about who asks.
    pauses: dict[str, datetime] = field(default_factory=dict)
    _bursts: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    @staticmethod
    def whose(token: Token | None, app: App | None) -> str:
        if token is not None:
            return token.budget
        return f"jwt:{app.id}" if app else "nobody"

    def budget(self, token: Token | None, app: App | None) -> Budget:
        """The running hour's budget, renewed when it is over."""
        whose = self.whose(token, app)
        with self.state.lock:
            limit = token.limit if token else 5000 if app else UNAUTHENTICATED
            now = self.state.now().timestamp()
            known = self.budgets.get(whose)
            if known is None or known.reset <= now:
                known = self.budgets[whose] = Budget(limit, 0, int(now) + HOUR)
            known.limit = limit
            return known

    def check_hold(self, whose: str, request: Request) -> None:
        """Refuses again, and notes it, when somebody comes before the time that was asked for."""
        with self.state.lock:
            hold = self.holds.get(whose)
            if hold is None:
                return
            if request.at >= hold.until:
                del self.holds[whose]
                return
            was_under_way = (
                request.arrived - hold.since < UNDER_WAY
                and request.connection != hold.connection
                and request.target != hold.target
            )
            if not was_under_way:
                request.until = hold.until
                self.too_early.append(request)
        raise Refused.with_reply(hold.reply)

    def pause(self, request: Request, seconds: int) -> None:
        """A failing server asks not to be asked for this again before that many seconds are over."""
        with self.state.lock:
            self.pauses[request.target] = self.state.now() + timedelta(seconds=seconds)

    def check_pause(self, request: Request) -> None:
        """Notes who comes back before the pause is over. The answer is as good as ever."""
        with self.state.lock:
            until = self.pauses.pop(request.target, None)
            if until is not None and request.at < until:
                request.until = until
                self.too_early.append(request)

    def spend(self, operation: Operation, token: Token | None, app: App | None, request: Request) -> None:
        """Takes one request from the budget, or refuses."""
        if operation.is_free:
            return
        budget = self.budget(token, app)
        with self.state.lock:
            if budget.remaining == 0:
                reply = self.primary(budget, self.state.limit_status)
                self.hold(self.whose(token, app), reply, _moment(budget.reset), request)
                raise Refused.with_reply(reply)
            budget.used += 1
        self._check_burst(operation, token, app, request)

    def _check_burst(
        self, operation: Operation, token: Token | None, app: App | None, request: Request
    ) -> None:
        most = self.state.points_per_minute
        if most is None:
            return
        whose, now = self.whose(token, app), request.at.timestamp()
        with self.state.lock:
            recent = self._bursts.setdefault((whose, operation.template), deque())
            while recent and recent[0] <= now - 60:
                recent.popleft()
            recent.extend([now] * (1 if operation.method == "GET" else 5))
            if len(recent) > most:
                reply = self.secondary(403, 60)
                self.hold(whose, reply, request.at + UNSAID, request)
                raise Refused.with_reply(reply)

    def refund(self, token: Token | None, app: App | None) -> None:
        """An answer that says "unchanged" costs nothing."""
        budget = self.budget(token, app)
        with self.state.lock:
            budget.used = max(budget.used - 1, 0)

    def hold(self, whose: str, reply: Reply, until: datetime, request: Request) -> None:
        """From now on nothing may come from there before `until`."""
        with self.state.lock:
            known = self.holds.get(whose)
            if known is None or known.until < until:
                self.holds[whose] = Hold(
                    until, reply, time.perf_counter(), request.connection, request.target
                )

    @staticmethod
    def primary(budget: Budget, status: int, retry_after: int | None = None) -> Reply:
        headers = budget.headers() | ({} if retry_after is None else {"Retry-After": str(retry_after)})
        return Reply(status, {"message": PRIMARY, "documentation_url": "", "status": str(status)}, headers)

    @staticmethod
    def secondary(status: int, retry_after: int | None) -> Reply:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Reply(status, {"message": SECONDARY, "documentation_url": "", "status": str(status)}, headers)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
