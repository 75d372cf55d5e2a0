"""The two older systems, for a server that still answers them: GitHub itself has closed both.

All they still have is asked for each time: at most 100 days of `copilot/metrics` and 28 of `copilot/usage`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.utils import timezone

from metrics.ingest.intake import take_in
from metrics.ingest.options import Options
from metrics.models import LegacyDay
from portal.github.client import GitHub, Target
from portal.github.errors import (
    GitHubError,
    Gone,
    MissingPermission,
    NotFound,
    PolicyOff,
    Unprocessable,
)
from portal.models import ReportFile
from seats.models import Account, Team
from seats.sync.tally import Reporter, Tally

CLOSED = {
    LegacyDay.Api.METRICS: "GitHub closed copilot/metrics on 2 April 2026.",
    LegacyDay.Api.USAGE: "GitHub closed copilot/usage in February 2025.",
}
SWITCHED_OFF = (
    "The older metrics APIs are switched off for this connection, so nothing was asked. "
    f"{CLOSED[LegacyDay.Api.USAGE]} {CLOSED[LegacyDay.Api.METRICS]} "
    "Turn them on only for a server that still answers them; days saved earlier can be taken in as files."
)
EMPTY_PAGES = (b"", b"[]")

# What keeps one system, or one team, from being read and nothing else.
Refusal = (NotFound, Gone, PolicyOff, MissingPermission, Unprocessable)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question: one system, of the account or of one of its teams."""

    api: LegacyDay.Api
    team_slug: str = ""

    def __str__(self) -> str:
        return f"{self.api.label}, team {self.team_slug}" if self.team_slug else self.api.label


def is_on(account: Account) -> bool:
    """Whether the older systems are to be asked about this account."""
    connection = account.sync_connection
    return connection is not None and connection.legacy_apis


def sync(
    account: Account, github: GitHub, run: Reporter, *, since: date | None = None, until: date | None = None
) -> Tally:
    """Take in what both systems say of the account and of its teams, or say why nothing is asked.

    What refuses one of them is a note; raises portal.github's other errors. Each answer is taken in as it
    comes, and the same answer again changes nothing: a run that was stopped may start over.
    """
    tally = Tally.since_now(github)
    if not is_on(account):
        tally.say(SWITCHED_OFF)
        return tally
    is_organization = account.kind == Account.Kind.ORGANIZATION
    target = Target("organization" if is_organization else "enterprise", account.login)
    teams = Team.objects.existing().filter(account=account).exclude(slug="").order_by("slug")
    slugs = sorted(set(teams.values_list("slug", flat=True)))
    done, total = 0, len(LegacyDay.Api) * (1 + len(slugs))
    for api in LegacyDay.Api:
        for asked in _questions(api, slugs):
            run.progress(done, total, str(asked))
            run.should_stop()
            done += 1
            try:
                at = timezone.now()
                pages = _pages(github, target, asked, since, until)
            except Refusal as error:
                tally.say(_told(asked, error))
                if not asked.team_slug:
                    done += len(slugs)
                    break  # its teams' days lie behind the same door
            else:
                _take_in(account, asked, pages, at, tally)
    run.progress(total, total, "")
    tally.count(github)
    return tally


def _questions(api: LegacyDay.Api, slugs: list[str]) -> Iterator[_Asked]:
    yield _Asked(api)
    for slug in slugs:
        yield _Asked(api, slug)


def _pages(
    github: GitHub, target: Target, asked: _Asked, since: date | None, until: date | None
) -> list[bytes]:
    """The pages as they came; those without a day are left out."""
    ask = github.legacy_metrics if asked.api == LegacyDay.Api.METRICS else github.legacy_usage
    pages = ask(target, team_slug=asked.team_slug, since=since, until=until)
    return [page for page in pages if page.strip() not in EMPTY_PAGES]


def _told(asked: _Asked, error: GitHubError) -> str:
    """A refusal in words: what GitHub has closed answers as if it were not there."""
    if asked.team_slug or not isinstance(error, NotFound | Gone):
        return f"{asked}: {error}"
    return f"{asked}: this server does not answer it. {CLOSED[asked.api]}"


def _take_in(account: Account, asked: _Asked, pages: list[bytes], at: datetime, tally: Tally) -> None:
    """Hand the pages, joined, to the pipeline that takes in a saved answer."""
    if not pages:
        return
    options = Options(
        organization=account.login if account.kind == Account.Kind.ORGANIZATION else "",
        enterprise=account.login if account.kind == Account.Kind.ENTERPRISE else "",
        team=asked.team_slug,
        observed_at=at,
    )
    with tempfile.TemporaryDirectory(prefix="portal-older-days-") as folder:
        path = Path(folder) / f"{account.login} {asked}.json".replace("/", "-")
        path.write_bytes(b"\n".join(pages))
        for outcome in take_in(path, source=ReportFile.Source.DOWNLOAD, options=options, settle_after=False):
            if outcome.error:
                tally.say(f"{asked}: {outcome.error}")
            counts = outcome.counts
            tally.rows_seen += counts.rows_read
            tally.rows_new += counts.rows_new
            tally.rows_changed += counts.rows_changed
            tally.rows_unchanged += counts.rows_unchanged + counts.rows_superseded
            tally.rows_rejected += counts.rows_rejected
