"""The seats of a batch as its page lists them: some at a time, those of a state or held back by a brake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst

from seats.admin.base import NOTHING, day, moment
from seats.admin.batch_counts import BatchCounts
from seats.admin.batch_story import meaning_of
from seats.models import Evidence, Revocation, RevocationBatch
from seats.reclaim import effects, reinstate
from seats.reclaim.effects import Effect

State = Revocation.State
PER_PAGE = 50
REFUSED = (State.REFUSED, State.FAILED)
# What GitHub was not asked for yet: the effect is told ahead.
AHEAD = (State.PROPOSED, State.LEFT_OUT)
TONES = {
    State.VERIFIED: "ok", State.REVOKED: "ok", State.CAME_BACK: "bad", State.FAILED: "bad",
    State.REFUSED: "unknown", State.INTENDED: "unknown", State.PROPOSED: "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A seat as the table shows it."""

    key: int
    login: str
    url: str
    why: str
    evidence: str
    route: str
    effect: str
    saving: str
    state: str
    tone: str
    said: str
    can_be_given_back: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of lines, the choices there are, and what was chosen."""

    page: Page[Revocation]
    lines: Sequence[Line]
    choices: Sequence[tuple[str, str]]
    show: str
    login: str

    @property
    def total(self) -> int:
        return self.page.paginator.count

    @property
    def any_can_be_given_back(self) -> bool:
        return any(line.can_be_given_back for line in self.lines)

    @property
    def any_said(self) -> bool:
        return any(line.said != NOTHING for line in self.lines)

    @property
    def previous_url(self) -> str:
        return self._page_url(self.page.number - 1) if self.page.has_previous() else ""

    @property
    def next_url(self) -> str:
        return self._page_url(self.page.number + 1) if self.page.has_next() else ""

    def _page_url(self, number: int) -> str:
        return f"?{urlencode({'show': self.show, 'login': self.login, 'page': str(number)})}#seats"


def rows_of(batch: RevocationBatch, counts: BatchCounts, request: HttpRequest) -> Rows:
    show, login = request.GET.get("show", ""), request.GET.get("login", "").strip()
    found = shown(batch.revocations.all(), show)
    if login:
        found = found.filter(seat__user__login_key__contains=login.lower())
    paginator = Paginator(found.order_by("login", "id").select_related("seat__account", "call"), PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    rows = list(page.object_list)
    ahead = effects.of_seats([row.seat for row in rows if row.state in AHEAD])
    lines = [_line(row, ahead.get(row.seat_id)) for row in rows]
    return Rows(page, lines, list(_choices(counts, show)), show, login)


def shown(rows: QuerySet[Revocation], show: str) -> QuerySet[Revocation]:
    """Those asked for: `verified`, `taken_back`, `refused`, `left_out.exempt`; else all but the left out."""
    state, _, brake = show.partition(".")
    if brake:
        rows = rows.filter(brake=brake)
    if state == "taken_back":
        return rows.filter(state__in=Revocation.TAKEN_BACK)
    if state == "refused":
        return rows.filter(state__in=REFUSED)
    return rows.filter(state=state) if state in State.values else rows.exclude(state=State.LEFT_OUT)


def _choices(counts: BatchCounts, show: str) -> Iterable[tuple[str, str]]:
    yield "", f"All in the batch ({counts.seats:,})"
    if counts.taken_back:
        yield "taken_back", f"Taken back, whatever came later ({counts.taken_back:,})"
    if counts.refused:
        yield "refused", f"Refused, by a brake or by GitHub ({counts.refused:,})"
    for state in State:
        # Those refused by a brake are among the line before.
        if state != State.REFUSED and (count := counts.by_state[state]):
            yield state.value, f"{capfirst(state.label)} ({count:,})"
    what, _, brake = show.partition(".")
    if brake:
        yield show, f"{capfirst(what.replace('_', ' '))}: {meaning_of(brake).name}"


def _line(row: Revocation, ahead: Effect | None) -> Line:
    return Line(
        key=row.pk,
        login=row.login,
        url=reverse("admin:seats_revocation_change", args=[row.pk]),
        why=row.reason,
        evidence=_evidence(row),
        route=row.granted_by.replace("_", " ").replace(";", ", ") or NOTHING,
        effect=_effect(row, ahead),
        saving=NOTHING if row.monthly_saving is None else f"{row.monthly_saving:,.2f} {row.currency}",
        state=row.get_state_display(),
        tone=TONES.get(State(row.state), "off"),
        said=_said(row),
        can_be_given_back=reinstate.can_be_given_back(row),
    )


def _evidence(row: Revocation) -> str:
    if row.last_evidence_on is None:
        return "none"
    source = dict(Evidence.Source.choices).get(row.last_evidence_source, row.last_evidence_source)
    return f"{day(row.last_evidence_on)}, {source}"


def _effect(row: Revocation, ahead: Effect | None) -> str:
    if row.state in Revocation.TAKEN_BACK:
        ends = row.pending_cancellation_date
        return f"access ends on {day(ends)}" if ends else "access has ended"
    if ahead is None:
        return NOTHING
    if not ahead.is_possible:
        return f"not possible here. {ahead.ask}".strip()
    when = "with the billing cycle" if ahead.kind == "end_of_cycle" else "at once"
    return f"access ends {when}, on {day(ahead.ends_on)}"


def _said(row: Revocation) -> str:
    """Why not, in the words of the brake or of GitHub; or what became of it later."""
    if row.state == State.FAILED:
        return f"GitHub: {row.says}" if row.says else "GitHub refused it."
    if row.brake:
        return row.says or meaning_of(row.brake).sentence
    if row.state == State.CAME_BACK:
        return f"Since {day(row.came_back_at)}: {row.came_back_by}"
    if row.state == State.REINSTATED:
        return moment(row.reinstated_at)
    if row.state == State.VERIFIED:
        return f"borne out {moment(row.verified_at)}"
    return row.says or NOTHING
