"""A call of the API, seen through: retries, limits, redirects, conditional requests, refusals.

Reads are repeated where no whole answer came; writes never are, and go out at most one a second.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urljoin

import msgspec
from requests import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from portal.github.auth import Auth
from portal.github.caching import Cache, Kept
from portal.github.errors import GitHubError, ServerTrouble, UnexpectedReply
from portal.github.limits import (
    LONGEST_PAUSE,
    Counted,
    Gate,
    Wait,
    asked_to_wait,
    read_date,
    read_retry_after,
)
from portal.github.links import Origin, origin_of
from portal.github.payloads import read_error
from portal.github.records import BadRecord
from portal.github.refusals import plain, refusal
from portal.github.wire import Trouble, Wire, body_chunks, prepare

logger = logging.getLogger(__name__)
T = TypeVar("T")

API_VERSION = "2026-03-10"
USER_AGENT = "copilot-governance-portal"
MOST_BODY_BYTES = 64 * 2**20
MOST_REDIRECTS = 5
# A server that never gave an answer yet is likely to be the wrong one: two more tries tell as much.
FIRST_CONTACT_TRIES = 2
_BETWEEN_WRITES = 1.0  # seconds, as GitHub asks

_GOES_ON = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names may be in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    observed_at: datetime  # when it was given, by GitHub's clock; UTC

    def json(self) -> Any:
        """The decoded body, None where there is none; raises UnexpectedReply where it is no JSON."""
        if not self.body.strip():
            return None
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        raise UnexpectedReply("GitHub's answer is not JSON.", status=self.status)

    @property
    def is_partial(self) -> bool:
        """GitHub left out what the token may not see for want of single sign-on."""
        return "partial-results" in self.headers.get("X-GitHub-SSO", "").lower()


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request as it is tried, once or more often."""

    method: str
    url: str
    call: str  # method and path, for messages: no host, no query
    json: Any = None
    is_repeatable: bool = True
    authorization: str = field(default="", repr=False)  # instead of the client's own
    as_app: bool = False
    is_kept: bool = True  # its answer, where it has an ETag


@dataclass(slots=True)
class _Tries:
    """What happened to one call so far."""

    troubles: int = 0
    waits: int = 0
    hops: int = 0
    renewed: bool = False


class Transport:
    """Sends the calls of one client, from its caller's thread and from page threads."""

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        *,
        wire: Wire,
        gate: Gate,
        counted: Counted,
        cache: Cache,
        retries: int,
        backoff: float,
    ) -> None:
        origin = origin_of(base_url)
        if origin is None or "?" in base_url or "#" in base_url:
            raise GitHubError(
                "The address of GitHub's API is none: set it to a whole one, as https://api.github.com."
            )
        self.origin: Origin = origin
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._wire = wire
        self._gate = gate
        self._counted = counted
        self._cache = cache
        self._retries = retries
        self._backoff = backoff
        self._has_answered = False
        self._retirements: set[tuple[str | None, str | None]] = set()
        self._write_lock = threading.Lock()
        self._next_write = 0.0

    # --- Calls ----------------------------------------------------------------------------------

    def url(self, path: str, params: Mapping[str, Any] | None = None) -> str:
        """The address of a call. `path` begins with a slash; its parts are quoted already."""
        prepared = PreparedRequest()
        prepared.prepare_url(
            self._base_url + path, {k: v for k, v in (params or {}).items() if v is not None}
        )
        return prepared.url or ""

    def get(
        self, url: str, read: Callable[[bytes], T], *, as_app: bool = False, is_kept: bool = True
    ) -> tuple[T, Answer]:
        """What `read` makes of the body, and the answer.

        `read` raises msgspec.ValidationError for JSON of another shape, msgspec.DecodeError for what is no
        JSON. `is_kept` is False for answers that hold secrets: they are not kept. Raises GitHubError.
        """
        self._check_host(url)
        return self._see_through(
            _Ask("GET", url, self._call("GET", url), as_app=as_app, is_kept=is_kept), read
        )

    def send(self, method: str, path: str, *, params: Mapping[str, Any] | None, json: Any) -> Answer:
        """A single request of any method, whatever its answer holds. Only reads are repeated."""
        url = self.url(path, params)
        is_read = method in ("GET", "HEAD")
        ask = _Ask(method, url, self._call(method, url), json, is_repeatable=is_read)
        if is_read:
            return self._see_through(ask, bytes)[1]
        with self._write_lock:
            self._gate.pause(self._next_write - time.monotonic())
            try:
                return self._see_through(ask, bytes)[1]
            finally:
                self._next_write = time.monotonic() + _BETWEEN_WRITES

    def _as_authorized(self, method: str, path: str, authorization: str) -> tuple[bytes, Mapping[str, str]]:
        """For credentials that ask for a token first: repeating that does no harm."""
        url = self.url(path)
        ask = _Ask(method, url, self._call(method, url), authorization=authorization, is_kept=False)
        body, answer = self._see_through(ask, bytes)
        return body, answer.headers

    def _call(self, method: str, url: str) -> str:
        path = url.partition("?")[0].removeprefix(self._base_url)
        return (
            f"{method} {path if path.startswith('/') else '/' + path.partition('://')[2].partition('/')[2]}"
        )

    def _check_host(self, url: str) -> None:
        if origin_of(url) != self.origin:
            raise UnexpectedReply(
                f"GitHub's answer points to another host than {self.origin}: that is not followed. Check the "
                "address of the API."
            )

    # --- One call, seen through -----------------------------------------------------------------

    def _see_through(self, ask: _Ask, read: Callable[[bytes], T]) -> tuple[T, Answer]:
        tries = _Tries()
        while True:
            self._gate.enter()
            authorization = ask.authorization or self._authorization(ask)
            kept = self._cache.get(ask.url) if ask.method == "GET" and ask.is_kept else None
            try:
                answer = self._exchange(ask, authorization, kept)
                if answer.status in _GOES_ON:
                    ask = self._redirected(ask, answer, tries)
                    continue
                if answer.status < 300:
                    return self._read(ask, answer, read), answer
                if answer.status >= 500:
                    raise self._failure(answer)
            except Trouble as trouble:
                self._after(trouble, ask, tries)
                continue
            self._after_refusal(ask, answer, authorization, tries)

    def _failure(self, answer: Answer) -> Trouble:
        """A server that failed; where it says for how long, nobody asks it again before."""
        seconds = read_retry_after(answer.headers)
        if seconds:
            self._gate.hold(Wait(seconds, secondary=True, is_busy=True))
        return Trouble(f"answered {answer.status}", "status", seconds or 0.0)

    def _authorization(self, ask: _Ask) -> str:
        if ask.as_app:
            return self._auth.app_authorization()
        return self._auth.authorization(self._as_authorized)

    def _exchange(self, ask: _Ask, authorization: str, kept: Kept | None) -> Answer:
        headers = {
            "Accept": "application/vnd.github+json",
            "Accept-Encoding": "gzip",
            "Authorization": authorization,
            "User-Agent": USER_AGENT,
            "X-GitHub-Api-Version": API_VERSION,
        }
        if kept is not None:
            headers |= kept.conditions()
        self._counted.add(requests=1)
        answer = self._wire.exchange(prepare(ask.method, ask.url, headers, ask.json), _answer)
        self._gate.note(answer.status, answer.headers)
        self._note_retirement(ask, answer)
        if answer.status == 304 and kept is not None:
            self._counted.add(not_modified=1)
            known = {**kept.headers, "Date": answer.headers.get("Date", "")}
            return Answer(200, CaseInsensitiveDict(known), kept.body, answer.observed_at)
        if answer.status < 400 and not 300 <= answer.status < 304:
            self._keep(ask, answer)
        return answer

    def _keep(self, ask: _Ask, answer: Answer) -> None:
        etag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
        if ask.method == "GET" and ask.is_kept and answer.status == 200 and (etag or modified):
            self._cache.put(ask.url, Kept(answer.body, dict(answer.headers), etag, modified))

    def _note_retirement(self, ask: _Ask, answer: Answer) -> None:
        sunset, deprecation = answer.headers.get("Sunset"), answer.headers.get("Deprecation")
        if not (sunset or deprecation) or (sunset, deprecation) in self._retirements:
            return
        self._retirements.add((sunset, deprecation))
        when = f" on {plain(sunset)}" if sunset else ""
        notice = f"GitHub will stop to serve {ask.call} in version {API_VERSION} of its API{when}."
        self._counted.notices.append(notice)
        logger.warning(notice)

    def _read(self, ask: _Ask, answer: Answer, read: Callable[[bytes], T]) -> T:
        if _is_html(answer):
            raise Trouble("gave a web page instead of JSON", "unreadable")
        reason = ""
        try:
            value = read(answer.body)
            self._has_answered = True
            return value
        except (msgspec.ValidationError, BadRecord) as error:
            reason = str(error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        if not reason:
            raise Trouble("gave an answer that is not JSON", "unreadable")
        raise UnexpectedReply(
            f"GitHub's answer to {ask.call} has another shape than its documentation says: {reason}.",
            status=answer.status,
        )

    # --- When it did not go well ----------------------------------------------------------------

    def _after(self, trouble: Trouble, ask: _Ask, tries: _Tries) -> None:
        """Wait before the next try, or raise what the trouble comes to."""
        tries.troubles += 1
        if not ask.is_repeatable:
            raise ServerTrouble(
                f"GitHub's API at {self.origin} {trouble} when asked to {ask.call}. Whether it was carried "
                "out is not known: look before you repeat it."
            ) from None
        is_first_contact = not self._has_answered and trouble.kind in ("unreachable", "unreadable")
        most = min(self._retries, FIRST_CONTACT_TRIES) if is_first_contact else self._retries
        if tries.troubles > most:
            raise self._given_up(trouble, ask, tries) from None
        if not self._gate.may_pause(trouble.pause):
            raise self._gate.limited() from None
        self._counted.add(retries=1)
        self._gate.pause(self.backoff(tries.troubles))

    def backoff(self, number: int) -> float:
        """Seconds before the next try: doubling, and never the same for two clients."""
        longest = min(self._backoff * 2 ** (number - 1), LONGEST_PAUSE)
        return float(longest * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret about it

    def _given_up(self, trouble: Trouble, ask: _Ask, tries: _Tries) -> GitHubError:
        says = f"GitHub's API at {self.origin} {trouble}"
        if trouble.kind == "unreadable":
            return UnexpectedReply(
                f"{says} ({ask.call}). Check the address of the API, and whether a proxy answers instead."
            )
        times = f", {tries.troubles} times in a row" if tries.troubles > 1 else ""
        if trouble.kind == "unreachable":
            return ServerTrouble(f"{says}{times}. Check the address of the API and this machine's network.")
        return ServerTrouble(
            f"{says}{times} ({ask.call}). That is GitHub's or the network's trouble, and passes: "
            "see www.githubstatus.com, and try again later."
        )

    def _after_refusal(self, ask: _Ask, answer: Answer, authorization: str, tries: _Tries) -> None:
        """Return when the call is worth another try; raise what the refusal means otherwise."""
        message = read_error(answer.body)
        if wait := asked_to_wait(answer.status, answer.headers, message):
            self._gate.hold(wait)
            tries.waits += 1
            if not ask.is_repeatable or tries.waits > self._retries:
                raise self._gate.limited(answer.status)
            self._counted.add(retries=1)
            return
        if answer.status == 401 and not ask.authorization and not tries.renewed:
            tries.renewed = True
            if self._auth.renew(authorization):
                return
        if _is_html(answer) and answer.status not in (401, 407):
            raise self._given_up(Trouble("gave a web page instead of JSON", "unreadable"), ask, tries)
        raise refusal(
            answer.status,
            answer.headers,
            message,
            call=ask.call,
            is_app=self._auth.is_app,
            secrets=[authorization, authorization.removeprefix("Bearer "), *self._auth.secrets()],
        )

    def _redirected(self, ask: _Ask, answer: Answer, tries: _Tries) -> _Ask:
        """The same call at its new place, which must be on the same host: the token goes nowhere else."""
        tries.hops += 1
        url = urljoin(ask.url, answer.headers.get("Location", ""))
        self._check_host(url)
        is_changed = ask.method not in ("GET", "HEAD") and answer.status in (301, 302, 303)
        if tries.hops > MOST_REDIRECTS or is_changed:
            raise UnexpectedReply(f"GitHub sends {ask.call} from one place to another without end.")
        return replace(ask, url=url)


def _answer(response: Response) -> Answer:
    body = b"".join(body_chunks(response, MOST_BODY_BYTES))
    observed_at = read_date(response.headers) or datetime.now(UTC)
    return Answer(response.status_code, response.headers, body, observed_at)


def _is_html(answer: Answer) -> bool:
    kind = answer.headers.get("Content-Type", "").lower()
    return "html" in kind or answer.body[:64].lstrip()[:1] == b"<"
