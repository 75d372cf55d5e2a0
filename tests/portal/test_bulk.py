"""Many rows written at once say the same as rows saved one by one, on every database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.bulk import JOINED_ROWS, insert_rows, update_rows, update_values
from portal.models import Job, RejectedLine, ReportFile
from seats.models import Evidence, GitHubUser, SeatObservation, UserLogin

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 20, 12, 34, 56, 789012, tzinfo=UTC)
PERSON = ["github_id", "login", "login_key", "name", "email", "contact_email", "language", "created_at"]


def people(*ids: int) -> list[tuple[Any, ...]]:
    return [(key, f"user-{key}", f"user-{key}", "", "", "", "", AT) for key in ids]


def test_rows_hold_what_was_given() -> None:
    text = "Zoë 🙂 'quoted' \\ %s"
    rows = [(1, text, "a", "", "", "", "", AT), (2**60, "b", "b", "", "", "", "", AT)]
    insert_rows(GitHubUser, PERSON, rows)
    first, second = GitHubUser.objects.order_by("github_id")
    assert (first.login, first.created_at, first.provisional_key) == (text, AT, None)
    assert second.github_id == 2**60


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    there = AT.astimezone(timezone(timedelta(hours=-7)))
    insert_rows(GitHubUser, PERSON, [(1, "a", "a", "", "", "", "", there), (2, "b", "b", "", "", "", "", AT)])
    assert set(GitHubUser.objects.values_list("created_at", flat=True)) == {AT}


def test_no_row_is_no_query() -> None:
    with CaptureQueriesContext(connection) as asked:
        insert_rows(GitHubUser, PERSON, [])
        update_rows([], ["login"])
        update_values(GitHubUser, ["login"], [])
    assert not asked


def test_a_key_that_is_taken_is_an_error_or_left_out() -> None:
    insert_rows(GitHubUser, PERSON, people(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(GitHubUser, PERSON, people(1, 2))
    insert_rows(GitHubUser, PERSON, people(1, 2), ignore_conflicts=True)
    assert GitHubUser.objects.count() == 2


def test_documents_days_and_nothing_at_all_are_written_by_their_kind() -> None:
    file = ReportFile.objects.create(source="upload", kind="seats", name="a", sha256="0", size=1)
    document = {"ended": ["Zoë"], "more": None, "rate": 0.5}
    update_values(
        ReportFile,
        ["options", "first_day", "observed_at", "is_complete", "rows_new", "rows_read"],
        [(document, date(2026, 2, 28), None, True, 2**40, 2**40, file.pk)],
    )
    file.refresh_from_db()
    assert (file.options, file.first_day, file.observed_at) == (document, date(2026, 2, 28), None)
    assert (file.is_complete, file.rows_new) == (True, 2**40)


def test_each_row_is_updated_by_its_own_values() -> None:
    count = JOINED_ROWS * 2 + 1
    insert_rows(GitHubUser, PERSON, people(*range(count)))
    keys = dict(GitHubUser.objects.values_list("github_id", "pk"))
    names = [(None if n % 2 else f"p-{n}", AT + timedelta(days=n), keys[n]) for n in range(0, count, 2)]
    update_values(GitHubUser, ["name", "created_at"], [(name or "", at, key) for name, at, key in names])
    for person in GitHubUser.objects.all():
        n = person.github_id or 0
        expected = ("", AT) if n % 2 else (f"p-{n}", AT + timedelta(days=n))
        assert (person.name, person.created_at) == expected


def test_objects_are_saved_by_the_named_fields_alone() -> None:
    insert_rows(GitHubUser, PERSON, people(1))
    person = GitHubUser.objects.get()
    row = UserLogin.objects.create(
        user=person, login="a", login_key="a", first_seen_on=date(2026, 1, 1), last_seen_on=date(2026, 1, 2)
    )
    row.login, row.last_seen_on = "A", date(2026, 1, 9)
    update_rows([row], ["last_seen_on"])
    row.refresh_from_db()
    assert (row.login, row.last_seen_on) == ("a", date(2026, 1, 9))


@pytest.mark.parametrize("count", [1, 40_000])
def test_any_number_of_keys_is_asked_for_in_one_query(count: int) -> None:
    insert_rows(GitHubUser, PERSON, people(1, 2, 3))
    with CaptureQueriesContext(connection) as asked:
        found = GitHubUser.objects.filter(github_id__among=set(range(2, 2 + count)))
        assert found.count() == min(count, 2)
    assert len(asked) == 1


def test_keys_may_be_texts_and_may_be_of_related_rows() -> None:
    insert_rows(GitHubUser, PERSON, people(1, 2, 3))
    assert GitHubUser.objects.filter(login_key__among={"user-1", "user-3", "it's"}).count() == 2
    person = GitHubUser.objects.get(github_id=1)
    Evidence.objects.create(user=person, source="seat", last_on=date(2026, 1, 1))
    assert Evidence.objects.filter(user_id__among={person.pk}).count() == 1
    assert Evidence.objects.exclude(user_id__among={person.pk}).count() == 0


def test_no_key_is_no_row_and_no_query() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert not list(Job.objects.filter(pk__among=set()))
        assert SeatObservation.objects.filter(pk__among=set()).delete()[0] == 0
    assert not [query for query in asked if query["sql"].startswith(("SELECT", "DELETE"))]
    assert RejectedLine.objects.exclude(pk__among=set()).count() == 0
