"""One person: what reports and seats tell of them. Reached from lists, by `person=` in the address."""

from __future__ import annotations

from metrics.dashboards.asked import Asked
from metrics.dashboards.one_person import Subject, add_panels, words_about
from metrics.dashboards.registry import page
from seats.models import GitHubUser

person = page(
    "person",
    "One person",
    "person",
    order=121,
    permission="metrics.view_userday",
    without=frozenset({"team"}),
    params=frozenset({"person"}),
    listed=False,
)


def subject_of(asked: Asked) -> Subject:
    """The person whose key is in the address."""
    key = asked.params.get("person", "")
    is_key = key.isascii() and key.isdecimal() and len(key) <= 18
    user = GitHubUser.objects.filter(pk=int(key)).first() if is_key else None
    return Subject(user, asked.scope.account, "" if user else "Choose somebody from the list of people.")


add_panels(person, subject_of)


@person.opens_with
def words(asked: Asked) -> list[str]:
    subject = subject_of(asked)
    return words_about(asked, subject, subject.user.login if subject.user else "")
