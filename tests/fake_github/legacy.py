"""Days of the two older systems, consistent in themselves."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from tests.fake_github.state import Account, State

LANGUAGES = ("python", "typescript", "go", "java")
EDITORS = ("vscode", "JetBrains")
TEAMS_WITH_DAYS = 3


def fill(state: State, seed: int, days: int) -> None:
    """Opens both systems, with `days` days up to yesterday for each account and its first teams."""
    state.serves_legacy_metrics = state.serves_legacy_usage = True
    dates = [state.today - timedelta(days=back) for back in range(days, 0, -1)]
    accounts: list[Account] = [*state.organizations, *state.enterprises]
    for account in accounts:
        slugs = ["", *(team.slug for team in account.teams[:TEAMS_WITH_DAYS])]
        for slug in slugs:
            scale = 8 if slug else 60
            rng = Random(f"{seed}:{account.id}:{slug}:legacy")
            account.legacy_metrics[slug] = [metrics_day(day, rng, scale) for day in dates]
            account.legacy_usage[slug] = [usage_day(day, rng, scale) for day in dates]


def metrics_day(day: date, rng: Random, scale: int = 60) -> dict[str, Any]:
    """A day of `copilot/metrics`."""
    quiet = day.weekday() >= 5
    active = rng.randint(scale // 2, scale) // (8 if quiet else 1)
    engaged = active * 9 // 10
    chatting = engaged // 2
    return {
        "date": day.isoformat(),
        "total_active_users": active,
        "total_engaged_users": engaged,
        "copilot_ide_code_completions": {
            "total_engaged_users": engaged,
            "languages": [{"name": name, "total_engaged_users": engaged // 2} for name in LANGUAGES[:2]],
            "editors": [_editor(name, engaged, rng) for name in EDITORS],
        },
        "copilot_ide_chat": {
            "total_engaged_users": chatting,
            "editors": [
                {
                    "name": name,
                    "total_engaged_users": chatting // 2,
                    "models": [
                        {
                            **_model(chatting // 2),
                            "total_chats": chatting * 3,
                            "total_chat_insertion_events": chatting,
                            "total_chat_copy_events": chatting // 3,
                        }
                    ],
                }
                for name in EDITORS
            ],
        },
        "copilot_dotcom_chat": {
            "total_engaged_users": chatting // 4,
            "models": [{**_model(chatting // 4), "total_chats": chatting}],
        },
        "copilot_dotcom_pull_requests": {
            "total_engaged_users": engaged // 6,
            "repositories": [
                {
                    "name": "octo/service",
                    "total_engaged_users": engaged // 6,
                    "models": [{**_model(engaged // 6), "total_pr_summaries_created": engaged // 5}],
                }
            ],
        },
    }


def _model(engaged: int) -> dict[str, Any]:
    return {
        "name": "default",
        "is_custom_model": False,
        "custom_model_training_date": None,
        "total_engaged_users": engaged,
    }


def _editor(name: str, engaged: int, rng: Random) -> dict[str, Any]:
    languages = []
    for language in LANGUAGES:
        suggested = rng.randint(1, 40) * max(engaged, 1)
        accepted = suggested * rng.randint(15, 40) // 100
        languages.append(
            {
                "name": language,
                "total_engaged_users": engaged // 2,
                "total_code_suggestions": suggested,
                "total_code_acceptances": accepted,
                "total_code_lines_suggested": suggested * 2,
                "total_code_lines_accepted": accepted * 2,
            }
        )
    return {
        "name": name,
        "total_engaged_users": engaged // 2,
        "models": [{**_model(engaged // 2), "languages": languages}],
    }


def usage_day(day: date, rng: Random, scale: int = 60) -> dict[str, Any]:
    """A day of `copilot/usage`: the totals are the breakdown's sums."""
    active = rng.randint(scale // 2, scale) // (8 if day.weekday() >= 5 else 1)
    breakdown = []
    for language in LANGUAGES:
        for editor in EDITORS:
            suggested = rng.randint(1, 40) * max(active, 1)
            accepted = suggested * rng.randint(15, 40) // 100
            breakdown.append(
                {
                    "language": language,
                    "editor": editor,
                    "suggestions_count": suggested,
                    "acceptances_count": accepted,
                    "lines_suggested": suggested * 2,
                    "lines_accepted": accepted * 2,
                    "active_users": active // 2,
                }
            )

    def total(key: str) -> int:
        return sum(int(str(each[key])) for each in breakdown)

    return {
        "day": day.isoformat(),
        "total_suggestions_count": total("suggestions_count"),
        "total_acceptances_count": total("acceptances_count"),
        "total_lines_suggested": total("lines_suggested"),
        "total_lines_accepted": total("lines_accepted"),
        "total_active_users": active,
        "total_chat_acceptances": active,
        "total_chat_turns": active * 4,
        "total_active_chat_users": active // 2,
        "breakdown": breakdown,
    }
