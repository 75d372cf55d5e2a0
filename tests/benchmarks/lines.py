"""Export files of any size, fast: some thousand believable lines, again for other people and days."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from metrics.sample.calendar import at, stamp
from metrics.sample.dice import dice
from metrics.sample.people import PERSONAS, Organization, Person
from metrics.sample.usage import LANGUAGES, MODELS, body, record, spend_day

ORGANIZATION = Organization(71_204_511, "octo-apps", "Octo Apps", "business", 1.0)
ENTERPRISE_ID = 40_817
LAST_DAY = date(2026, 10, 31)
WINDOW = 28
FIRST_USER_ID = 10_000_000
TEMPLATES = 3_000
# Every person active every day, and busily so: the worst case, about 4 kB a line as in GitHub's own.
SMALLEST, LARGEST = 2_600, 4_800


def templates() -> list[str]:
    """Records without the person: what follows `user_login` in a line."""
    found: list[str] = []
    number = 0
    while len(found) < TEMPLATES:
        number += 1
        rng = dice("benchmark", number)
        person = Person(
            id=1,
            name="",
            email="",
            persona=PERSONAS["agent"],
            logins=[(date.min, "x")],
            organizations=(ORGANIZATION,),
            languages=tuple(rng.sample(LANGUAGES, 3)),
            models=tuple(rng.sample(MODELS, 2)),
        )
        text = body(record(person, LAST_DAY, spend_day(person, LAST_DAY, rng, 1.0), 3))
        if SMALLEST < len(text) < LARGEST:
            found.append(text.removeprefix('"user_id":1,"user_login":"x"'))
    return found


def write_usage(path: Path, people: int, days: int) -> int:
    """A users-28-day export of the enterprise; returns the number of its lines."""
    endings = templates()
    start = LAST_DAY - timedelta(days=WINDOW - 1)
    with path.open("w", buffering=1 << 20) as file:
        for day in (LAST_DAY - timedelta(days=back) for back in range(days - 1, -1, -1)):
            head = (
                f'{{"report_start_day":"{start}","report_end_day":"{LAST_DAY}","day":"{day}",'
                f'"enterprise_id":"{ENTERPRISE_ID}"'
            )
            offset = day.toordinal() * 7
            file.writelines(
                f'{head},"user_id":{FIRST_USER_ID + number},"user_login":"person-{number}"'
                f"{endings[(number * 13 + offset) % TEMPLATES]}\n"
                for number in range(people)
            )
    return people * days


def reordered(path: Path, target: Path) -> None:
    """The same lines with the later half first: another file that says nothing new."""
    size = path.stat().st_size
    with path.open("rb") as source, target.open("wb") as copy:
        source.seek(size // 2)
        source.readline()
        middle = source.tell()
        while block := source.read(1 << 20):
            copy.write(block)
        source.seek(0)
        remaining = middle
        while block := source.read(min(1 << 20, remaining)):
            copy.write(block)
            remaining -= len(block)


def write_seats(path: Path, seats: int) -> None:
    """A complete seat list of one organization: used today, long ago and never, by team and directly."""
    path.write_text(json.dumps({"total_seats": seats, "seats": list(_seats(seats))}))


def _seats(count: int) -> Iterator[dict[str, object]]:
    for number in range(count):
        rng = dice("seat", number)
        used = LAST_DAY - timedelta(days=rng.randrange(100))
        team = number % 40
        yield {
            "created_at": stamp(at(LAST_DAY - timedelta(days=rng.randrange(10, 600)), 9)),
            "assignee": {
                "id": FIRST_USER_ID + number,
                "login": f"person-{number}",
                "type": "User",
                "name": f"Person {number}",
            },
            "assigning_team": {
                "id": 9_000_000 + team,
                "name": f"Team {team}",
                "slug": f"team-{team}",
                "type": "organization",
            }
            if number % 2
            else None,
            "pending_cancellation_date": None,
            "plan_type": "business",
            "last_authenticated_at": stamp(at(used, 8)),
            "last_activity_at": stamp(at(used, 9)) if number % 7 else None,
            "last_activity_editor": "vscode/1.119.0/copilot-chat/0.45.1",
        }
