"""Try the portal against a made-up GitHub: `python -m tests.fake_github`. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import Any

from tests.fake_github.company import company_state
from tests.fake_github.server import FakeGitHub
from tests.fake_github.state import State
from tests.fake_github.trouble import KINDS, Trouble


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    state = company_state(
        options.seats,
        options.teams,
        options.days,
        options.seed,
        organizations=options.organizations,
        enterprise=options.enterprise or None,
        legacy_days=options.legacy_days,
        token=options.token,
        limit=options.limit,
    )
    trouble = None
    if options.trouble:
        trouble = [
            Trouble(kind, rate=options.rate, seed=options.seed, retry_after=options.retry_after)
            for kind in options.trouble
        ]
    github = FakeGitHub(
        state,
        latency=options.latency / 1000,
        check=False,
        port=options.port,
        files_port=options.files_port,
    )
    github.trouble = trouble
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with github:
        _say(json.dumps(facts(github)) if options.json else introduction(github, options.token))
        stop.wait()
    if not options.json:
        _say(
            f"\n{len(github.requests)} requests, {len(github.report_requests)} files, "
            f"{len(github.too_early)} requests too early, {len(github.leaks)} files asked for with a token."
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_github", description=__doc__)
    add = parser.add_argument
    add("--seats", type=int, default=400, help="people with a licence (400)")
    add("--teams", type=int, default=12, help="teams (12)")
    add("--days", type=int, default=60, help="days with reports (60)")
    add("--seed", type=int, default=1, help="another company, other luck (1)")
    add("--organizations", type=int, default=3, help="organizations (3)")
    add("--enterprise", default="octo-enterprise", help='its slug; "" for organizations that stand alone')
    add("--legacy-days", type=int, default=0, help="days of the two older systems; 0: they are closed (0)")
    add("--token", default="fake-token", help="the token that may do everything (fake-token)")
    add("--limit", type=int, default=5000, help="requests an hour (5000)")
    add("--latency", type=float, default=0, help="milliseconds that every answer takes (0)")
    add("--port", type=int, default=0, help="port of the API (any free one)")
    add("--files-port", type=int, default=0, help="port of the report files (any free one)")
    add("--trouble", choices=KINDS, action="append", metavar="KIND", help=f"one of {', '.join(KINDS)}")
    add("--rate", type=float, default=0.1, help="the share of requests that meet it (0.1)")
    add("--retry-after", type=int, default=None, help="seconds, in the header of refusals (no header)")
    add("--json", action="store_true", help="print one line of JSON instead of an introduction")
    return parser


def facts(github: FakeGitHub) -> dict[str, Any]:
    """What a script needs to know."""
    state = github.state
    return {
        "url": github.url,
        "files_url": github.files_url,
        "tokens": list(state.tokens),
        "enterprises": [each.login for each in state.enterprises],
        "organizations": [each.login for each in state.organizations],
        "rows": {each.login: len(each.rows()) for each in (*state.enterprises, *state.organizations)},
        "days": _days(state),
    }


def _days(state: State) -> list[str]:
    company = state.company
    return [company.first_day.isoformat(), company.newest_day.isoformat()] if company else []


def introduction(github: FakeGitHub, token: str) -> str:
    """What a person can paste into a shell to try the portal."""
    told = facts(github)
    option = (
        f"--enterprise {told['enterprises'][0]}"
        if told["enterprises"]
        else f"--organization {told['organizations'][0]}"
    )
    rows = ", ".join(f"{login}: {count} seats" for login, count in told["rows"].items())
    first, last = told["days"]
    return "\n".join(
        (
            f"GitHub's API   {github.url}",
            f"Report files   {github.files_url}",
            f"Token          {token}",
            f"Accounts       {rows}",
            f"Reports        {first} to {last}",
            "",
            "In another shell:",
            "",
            f"  export GITHUB_TOKEN={token} GITHUB_API_URL={github.url} REPORT_HOSTS=127.0.0.1",
            f"  python manage.py connect {option} --token-env GITHUB_TOKEN --api-url {github.url}",
            f"  python manage.py sync_github {option} --since {first}",
            "",
            "Ctrl-C ends it.",
        )
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
