"""GitHub, as far as Copilot's administration goes: a method for each call.

Lists are read to their end before anything is returned, or an error says why not. What the calls are
for, and what their answers mean: https://docs.github.com/en/rest/copilot
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec

from portal.github import payloads
from portal.github.auth import Auth
from portal.github.auth import Scope as Scope
from portal.github.auth import Target as Target
from portal.github.caching import Cache, InMemoryCache
from portal.github.downloads import Downloads, OnBytes
from portal.github.errors import MissingPermission, NotFound, UnexpectedReply
from portal.github.limits import Counted as Counted
from portal.github.limits import Gate, InMemoryLimits
from portal.github.limits import Limits as Limits
from portal.github.links import DEFAULT_REPORT_HOSTS as DEFAULT_REPORT_HOSTS
from portal.github.links import ReportHosts
from portal.github.pages import OnPage, Page, Pages
from portal.github.payloads import read_error
from portal.github.refusals import plain
from portal.github.transport import Answer as Answer
from portal.github.transport import Transport
from portal.github.wire import Wire

T = TypeVar("T")

PAGE_SIZE = 100
# The most that the two older systems take.
LEGACY_PAGE_SIZES = {"metrics": 100, "usage": 28}
_OF_28_DAYS = "28-day"
_NO_SUCH_DAY = re.compile(r"not (?:yet )?available|no (?:report|data)", re.IGNORECASE)


@dataclass(slots=True)
class SeatList:
    """A seat list read to its end."""

    seats: list[payloads.Seat]
    totals: set[int | None]  # `total_seats` of every page; None where one does not say
    pages: int
    observed_at: datetime  # of the first page, by GitHub's clock; UTC
    raw_pages: list[bytes] = field(repr=False)
    broken: list[payloads.Broken] = field(default_factory=list)
    is_partial: bool = False  # GitHub said that it left something out

    @property
    def people(self) -> int:
        """Different holders: a person may hold several grants."""
        return len({seat.assignee_id for seat in self.seats})

    @property
    def total(self) -> int | None:
        """How many people the list says it has; None where its pages differ or do not say."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None

    @property
    def is_complete(self) -> bool:
        """Every page tells the same total, that many people are listed, and each could be read."""
        return not self.broken and not self.is_partial and self.totals == {self.people}

    @property
    def shortfall(self) -> str:
        """Why the list is not complete, in words; empty where it is."""
        if self.is_complete:
            return ""
        if self.broken:
            return f"{len(self.broken)} of its seats cannot be read"
        if self.is_partial:
            return "GitHub left out what the token may not see for want of single sign-on"
        if len(self.totals) > 1:
            return "its pages tell different totals: it changed while it was read"
        if self.total is None:
            return "it does not tell how many seats there are"
        return f"it lists {self.people} people of {self.total}"


@dataclass(slots=True)
class Report:
    """A report that is there to be downloaded. Its links are signed: they are in no repr."""

    target: Target
    name: str  # as in the path: users-1-day, organization-28-day
    day: date | None  # as asked for; None for a 28-day report
    observed_at: datetime  # when the links were given, by GitHub's clock; UTC
    report_day: date | None = None
    report_start_day: date | None = None
    report_end_day: date | None = None
    links: Sequence[str] = field(default=(), repr=False, compare=False)

    @property
    def parts(self) -> int:
        """Files that belong together."""
        return len(self.links)


@dataclass(frozen=True, slots=True)
class SeatChange:
    """What GitHub answered when seats were given or taken back: no proof for each of the names."""

    changed: int | None  # `seats_created` or `seats_cancelled`; None where the answer does not tell
    status: int
    said: str = ""  # GitHub's words, where it has any


class GitHub:
    """A client for one credential; one for each run. Use it as a context manager.

    It asks from the caller's thread and, for lists of several pages, from threads of its own.
    `limits`, `should_stop` and every callback are only ever called in the caller's thread.

    - `report_hosts`: where report files may come from, see `links.ReportHosts`.
    - `patience`: for how many seconds it may sleep at a time because GitHub asked it to wait; where that is
      not enough it raises RateLimited.
    - `parallel`: pages asked for at a time. `retries`: further tries of a read that brought no whole answer.
    - `backoff`: seconds before the first of them, doubling. `timeouts`: seconds to connect, and between two
      pieces of an answer; `total_timeout`: seconds for an answer, and one more for every 16 KiB of it.
    - `keep_back`: requests of the hour that are left to others; of a small allowance a fifth.
    - `should_stop`: called between requests and while waiting; what it raises ends the work.
    - `cache`: where answers are kept with their ETag, to be asked for again at no cost.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        *,
        report_hosts: Sequence[str] = DEFAULT_REPORT_HOSTS,
        limits: Limits | None = None,
        patience: float = 0.0,
        parallel: int = 4,
        retries: int = 8,
        backoff: float = 0.5,
        timeouts: tuple[float, float] = (5, 30),
        total_timeout: float = 60.0,
        max_report_bytes: int = 64 << 30,
        keep_back: int = 0,
        should_stop: Callable[[], None] | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.counted = Counted()
        self._auth = auth
        self._gate = Gate(
            limits or InMemoryLimits(),
            self.counted,
            patience=patience,
            keep_back=keep_back,
            should_stop=should_stop,
        )
        self._wire = Wire(timeouts, total_timeout)
        self._transport = Transport(
            base_url,
            auth,
            wire=self._wire,
            gate=self._gate,
            counted=self.counted,
            cache=cache or InMemoryCache(),
            retries=retries,
            backoff=backoff,
        )
        self._pages = Pages(self._transport, self._gate, self.counted, parallel)
        self._downloads = Downloads(
            wire=self._wire,
            gate=self._gate,
            counted=self.counted,
            hosts=ReportHosts(report_hosts),
            most_bytes=max_report_bytes,
            retries=retries,
            backoff=self._transport.backoff,
        )
        self._seen: dict[Target, bool] = {}

    def __repr__(self) -> str:
        return f"<GitHub at {self._transport.origin}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what is under way, and close every connection. The client can't be used any more."""
        self._gate.close()
        self._pages.halt()
        self._wire.abort()
        self._pages.close()
        self._wire.close()

    # --- Seats ----------------------------------------------------------------------------------

    def seats(self, target: Target, on_page: OnPage | None = None) -> SeatList:
        """Everybody's seat. See `SeatList.is_complete`: the list may have changed while it was read."""
        url = self._transport.url(f"{target.path}/copilot/billing/seats", {"per_page": PAGE_SIZE})
        pages = self._pages.read(url, payloads.read_seat_page, on_page)
        seats = SeatList(
            seats=[seat for page in pages for seat in page.value.seats],
            totals={page.value.total for page in pages},
            pages=len(pages),
            observed_at=pages[0].answer.observed_at,
            raw_pages=[page.answer.body for page in pages],
            is_partial=any(page.answer.is_partial for page in pages),
        )
        before = 0
        for page in pages:
            seats.broken += [
                payloads.Broken(before + one.number, one.reason, one.raw) for one in page.value.broken
            ]
            before += len(page.value.seats) + len(page.value.broken)
        return seats

    def seat(self, target: Target, username: str) -> list[payloads.Seat]:
        """A person's grants: at most one of an organization, several of an enterprise.

        NotFound where the person has none. Unprocessable where an invitation is pending.
        """
        url = self._transport.url(f"{target.path}/members/{_quoted(username)}/copilot")
        return self._transport.get(url, _read_single_seat)[0]

    def billing(self, org: str) -> payloads.Billing:
        """The organization's subscription."""
        return self._one(f"/orgs/{_quoted(org)}/copilot/billing", payloads.Billing)

    def cancel_seats(self, target: Target, logins: Sequence[str]) -> SeatChange:
        """Take back the seats that the account itself granted these people.

        Access ends with the billing cycle. One request, never repeated: an error without a status of 400 to
        499 leaves open what was done. Also after a refusal some may be cancelled: read the seats.
        """
        return self._change_seats("DELETE", "seats_cancelled", target, logins)

    def create_seats(self, target: Target, logins: Sequence[str]) -> SeatChange:
        """Give these people a seat, or let those whose cancellation is pending keep theirs.

        One request, never repeated, as `cancel_seats`.
        """
        return self._change_seats("POST", "seats_created", target, logins)

    def _change_seats(self, method: str, counted: str, target: Target, logins: Sequence[str]) -> SeatChange:
        if not logins:
            raise ValueError("no names: such a call would be refused")
        answer = self.call(method, selected_users(target), json={"selected_usernames": list(logins)})
        return SeatChange(_count(answer.body, counted), answer.status, plain(read_error(answer.body)))

    # --- Organizations, teams, people -----------------------------------------------------------

    def organization(self, org: str) -> payloads.Organization:
        """The organization itself."""
        return self._one(f"/orgs/{_quoted(org)}", payloads.Organization)

    def members(self, org: str, role: str = "all") -> list[payloads.Member]:
        """Who belongs to the organization. `role`: all, admin, member."""
        return self._list(f"/orgs/{_quoted(org)}/members", payloads.Member, {"role": role})

    def teams(self, org: str) -> list[payloads.Team]:
        """The organization's teams, each with its parent; those the credential may see."""
        return self._list(f"/orgs/{_quoted(org)}/teams", payloads.Team)

    def team_members(self, org: str, team_slug: str, role: str = "all") -> list[payloads.Member]:
        """A team's members, those of its child teams included. `role`: all, maintainer, member."""
        path = f"/orgs/{_quoted(org)}/teams/{_quoted(team_slug)}/members"
        return self._list(path, payloads.Member, {"role": role})

    def enterprise_teams(self, enterprise: str) -> list[payloads.Team]:
        """The enterprise's teams. Not for GitHub Apps."""
        return self._list(f"/enterprises/{_quoted(enterprise)}/teams", payloads.Team)

    def enterprise_team_members(self, enterprise: str, team: str) -> list[payloads.Member]:
        """The members of an enterprise team, named by slug or id."""
        path = f"/enterprises/{_quoted(enterprise)}/teams/{_quoted(team)}/memberships"
        return self._list(path, payloads.Member)

    def enterprise_team_organizations(self, enterprise: str, team: str) -> list[payloads.Organization]:
        """The organizations that an enterprise team, named by slug or id, is assigned to."""
        path = f"/enterprises/{_quoted(enterprise)}/teams/{_quoted(team)}/organizations"
        return self._list(path, payloads.Organization)

    # --- The credential itself ------------------------------------------------------------------

    def own_organizations(self) -> list[payloads.Organization]:
        """The organizations of the token's user. Not for GitHub Apps."""
        return self._list("/user/orgs", payloads.Organization)

    def installations(self) -> list[payloads.Installation]:
        """Where the app is installed. For GitHub Apps alone."""
        if not self._auth.is_app:
            raise MissingPermission("Only a GitHub App can tell where it is installed: this is a token.")
        return self._list("/app/installations", payloads.Installation, as_app=True)

    def whoami(self) -> payloads.Credential:
        """Whose credential this is. BadCredentials where GitHub does not know it."""
        if self._auth.is_app:
            app = self._one("/app", payloads.App, as_app=True)
            return payloads.Credential("app", login=app.slug or app.name or "", permissions=app.permissions)
        try:
            user, answer = self._transport.get(self._transport.url("/user"), _reader(payloads.User))
        except MissingPermission as error:
            if "by integration" not in error.said:
                raise
            # An installation token speaks for no user.
            return payloads.Credential("installation token")
        except NotFound:
            # A server that does not tell who asks may answer everything else.
            return payloads.Credential("")
        scopes = answer.headers.get("X-OAuth-Scopes")
        return payloads.Credential(
            "fine-grained token" if scopes is None else "classic token",
            login=user.login,
            scopes=None if scopes is None else frozenset(filter(None, map(str.strip, scopes.split(",")))),
            expires_at=_expiry(answer.headers),
        )

    def rate_limit(self) -> payloads.RateLimit:
        """What is left of this hour's allowance. Costs nothing of it."""
        return self._transport.get(self._transport.url("/rate_limit"), payloads.read_rate_limit)[0]

    # --- Reports --------------------------------------------------------------------------------

    def report(self, target: Target, name: str, day: date | None = None) -> Report | None:
        """A report of use, by its name in the path, ready for `download`; None where there is none.

        `users-1-day` and the other one-day reports need a day; of `organization-28-day` and the others of 28
        days there is the newest alone. GitHub tells in several ways that it has none: 204, no links, 404.
        """
        found = self._ask_for_report(target, name, day)
        return found if found is None or found.links else None

    def _ask_for_report(self, target: Target, name: str, day: date | None) -> Report | None:
        name = name.removesuffix("/latest")
        is_latest = name.endswith(_OF_28_DAYS)
        if is_latest == (day is not None):
            raise ValueError(f"{name} is asked for {'without' if is_latest else 'with'} a day")
        path = f"{target.path}/copilot/metrics/reports/{_quoted(name)}{'/latest' if is_latest else ''}"
        url = self._transport.url(path, {"day": day.isoformat() if day else None})
        try:
            # Signed links are never kept, and those of an hour ago are of no use.
            links, answer = self._transport.get(url, _read_links, is_kept=False)
        except NotFound as error:
            if _NO_SUCH_DAY.search(error.said) or self._is_seen(target):
                return None
            raise
        self._seen[target] = True
        if links is None:
            return None
        return Report(
            target,
            name,
            day,
            answer.observed_at,
            _day(links.report_day),
            _day(links.report_start_day),
            _day(links.report_end_day),
            tuple(links.download_links or ()),
        )

    def _is_seen(self, target: Target) -> bool:
        """Whether the credential sees the account: a 404 may be about the day, or about all of it."""
        if target not in self._seen:
            self._seen[target] = any(self._answers(url) for url in self._glimpses(target))
        return self._seen[target]

    def _glimpses(self, target: Target) -> Iterator[str]:
        yield self._transport.url(f"{target.path}/copilot/metrics/reports/{target.kind}-{_OF_28_DAYS}/latest")
        if target.kind == "organization":
            yield self._transport.url(f"{target.path}/copilot/billing")
        else:
            yield self._transport.url(f"{target.path}/copilot/billing/seats", {"per_page": 1})

    def _answers(self, url: str) -> bool:
        try:
            self._transport.get(url, bytes)
        except (NotFound, MissingPermission):
            return False
        return True

    def download(self, report: Report, folder: Path, on_bytes: OnBytes | None = None) -> list[Path]:
        """Every part of a report as a file in `folder`, unpacked and whole, readable by this user alone.

        Links that have expired are asked for again, which moves `report.observed_at` on. `on_bytes` gets the
        bytes written since it was called last. Raises GitHubError, and then leaves no file behind.
        """

        def again() -> Sequence[str]:
            fresh = self._ask_for_report(report.target, report.name, report.day)
            if fresh is None or not fresh.links:
                raise UnexpectedReply("GitHub took the report back while it was being downloaded.")
            report.links, report.observed_at = fresh.links, fresh.observed_at
            return fresh.links

        period = report.day or report.report_end_day or report.observed_at.date()
        name = f"{report.target.kind}-{report.name}-{period}".replace("/", "-")
        return self._downloads.fetch(report.links, again, folder, name, on_bytes)

    # --- The two older systems ------------------------------------------------------------------

    def legacy_metrics(
        self, target: Target, *, team_slug: str = "", since: date | None = None, until: date | None = None
    ) -> list[bytes]:
        """`…/copilot/metrics`, closed at GitHub since April 2026: the pages as they came, arrays of days."""
        return self._raw_pages(target, "metrics", team_slug, since, until)

    def legacy_usage(
        self, target: Target, *, team_slug: str = "", since: date | None = None, until: date | None = None
    ) -> list[bytes]:
        """`…/copilot/usage`, closed at GitHub since February 2025: the pages as they came, arrays of days."""
        return self._raw_pages(target, "usage", team_slug, since, until)

    def _raw_pages(
        self, target: Target, api: str, team_slug: str, since: date | None, until: date | None
    ) -> list[bytes]:
        team = f"/team/{_quoted(team_slug)}" if team_slug else ""
        params = {
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
            "per_page": LEGACY_PAGE_SIZES[api],
        }
        path, read = f"{target.path}{team}/copilot/{api}", _reader(list[msgspec.Raw])
        pages = self._pages.read(self._transport.url(path, params), read)
        # A server that tells no links: behind a full page there may be another.
        while not pages[-1].links and len(pages[-1].value) >= LEGACY_PAGE_SIZES[api]:
            [page] = self._pages.read(self._transport.url(path, {**params, "page": len(pages) + 1}), read)[:1]
            if not page.value or page.answer.body == pages[-1].answer.body:
                break
            pages.append(page)
        return [page.answer.body for page in pages]

    # --- Anything else --------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> Answer:
        """One request, whatever it answers with below 400; GitHubError above.

        Only GET is ever repeated. Parts of the path must be quoted.
        """
        return self._transport.send(method.upper(), path, params=params, json=json)

    def _one(self, path: str, kind: type[T], *, as_app: bool = False) -> T:
        value: T = self._transport.get(self._transport.url(path), _reader(kind), as_app=as_app)[0]
        return value

    def _list(
        self, path: str, kind: type[T], params: Mapping[str, Any] | None = None, *, as_app: bool = False
    ) -> list[T]:
        url = self._transport.url(path, {**(params or {}), "per_page": PAGE_SIZE})
        pages: list[Page[list[T]]] = self._pages.read(url, _reader(list[kind]), as_app=as_app)  # type: ignore[valid-type]
        return [item for page in pages for item in page.value]


def selected_users(target: Target) -> str:
    """The path of the calls that give seats to people by name, and take them back."""
    return f"{target.path}/copilot/billing/selected_users"


def _count(body: bytes, name: str) -> int | None:
    """A number of the answer; None where the body is empty, or something else than expected."""
    try:
        value = msgspec.json.decode(body, type=dict[str, Any]).get(name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return payloads.read_total(value)


def _reader(kind: Any) -> Callable[[bytes], Any]:
    # Not strict: ids come as numbers or as strings of digits.
    return msgspec.json.Decoder(kind, strict=False).decode


def _read_single_seat(body: bytes) -> list[payloads.Seat]:
    """An organization answers with the seat itself, an enterprise with a list of them."""
    keys = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    if "seats" not in keys:
        return [payloads.read_seat(body)]
    page = payloads.read_seat_page(body)
    if page.broken:
        raise msgspec.ValidationError(page.broken[0].reason)
    return page.seats


def _read_links(body: bytes) -> payloads.ReportLinks | None:
    """None for an answer without a body: 204."""
    return msgspec.json.decode(body, type=payloads.ReportLinks) if body.strip() else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _expiry(headers: Mapping[str, str]) -> datetime | None:
    """When a token ends, as `2026-12-31 23:59:59 UTC` or with an offset; None where it does not."""
    text = headers.get("GitHub-Authentication-Token-Expiration", "").strip()
    try:
        moment = datetime.fromisoformat(
            text.removesuffix("UTC").strip().replace(" +", "+").replace(" -", "-")
        )
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _quoted(part: str) -> str:
    return quote(part, safe="")
