"""What the page behind a notice's link says, in the languages we have words in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from seats.reclaim.answers import Found, Standing


@dataclass(frozen=True, slots=True)
class Page:
    language: str
    title: str
    text: str
    button: str = ""
    note: str = ""


class Said(NamedTuple):
    """{organization}, {until}, {kept_until} and {login} are filled into the text."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Language:
    words: Mapping[str, Said]
    button: str
    note: str
    """Stands beneath the button."""


ENGLISH: Mapping[str, Said] = {
    Standing.OPEN: Said(
        "Do you still need your Copilot seat?",
        "You ({login}) hold a GitHub Copilot seat in {organization}, and it looks unused. "
        "Press the button, and it stays yours.",
    ),
    Standing.ANSWERED: Said(
        "Thank you: your seat stays yours",
        "You ({login}) said that you still need your GitHub Copilot seat in {organization}. "
        "It is left alone until {kept_until} at least. There is nothing more to do.",
    ),
    Standing.KEPT: Said(
        "Your seat stays yours",
        "Your GitHub Copilot seat in {organization} is kept already. There is nothing to do.",
    ),
    Standing.USED: Said(
        "Your seat stays yours",
        "You use GitHub Copilot again, so your seat in {organization} is not in question any more. "
        "There is nothing to do.",
    ),
    Standing.GOING: Said(
        "Your answer comes at the last moment",
        "Your GitHub Copilot seat in {organization} is being taken back just now. "
        "Your answer is noted. Please ask an owner of {organization} to give it back: "
        "that is quickly done.",
    ),
    Standing.TAKEN_BACK: Said(
        "Your seat has been taken back",
        "Your GitHub Copilot seat in {organization} was taken back before your answer came. "
        "If you still need one, please ask an owner of {organization}, or reply to the mail with this link.",
    ),
    Standing.ENDED: Said(
        "Your seat has ended",
        "You hold no GitHub Copilot seat in {organization} any more. "
        "If you need one, please ask an owner of {organization}.",
    ),
    Standing.EXPIRED: Said(
        "This link has expired",
        "It could be used until some days after {until}. If you still need your GitHub Copilot seat in "
        "{organization}, use Copilot now, or ask an owner of {organization}.",
    ),
    Standing.UNKNOWN: Said(
        "This link leads nowhere",
        "It is not complete, or what it was about is gone. Please open it again from the mail, the whole "
        "of it. If that does not help, reply to the mail.",
    ),
}
GERMAN: Mapping[str, Said] = {
    Standing.OPEN: Said(
        "Brauchst du deinen Copilot-Platz noch?",
        "Du ({login}) hast in {organization} einen Platz für GitHub Copilot, der ungenutzt aussieht. "
        "Drück den Knopf, und er bleibt deiner.",
    ),
    Standing.ANSWERED: Said(
        "Danke: dein Platz bleibt deiner",
        "Du ({login}) brauchst deinen Platz für GitHub Copilot in {organization} noch. "
        "Bis zum {kept_until} bleibt er auf jeden Fall deiner. Mehr ist nicht zu tun.",
    ),
    Standing.KEPT: Said(
        "Dein Platz bleibt deiner",
        "Dein Platz für GitHub Copilot in {organization} bleibt ohnehin erhalten. Es ist nichts zu tun.",
    ),
    Standing.USED: Said(
        "Dein Platz bleibt deiner",
        "Du nutzt GitHub Copilot wieder; dein Platz in {organization} steht nicht mehr in Frage. "
        "Es ist nichts zu tun.",
    ),
    Standing.GOING: Said(
        "Deine Antwort kommt im letzten Augenblick",
        "Dein Platz für GitHub Copilot in {organization} wird gerade zurückgenommen. Deine Antwort ist "
        "vermerkt. Bitte wende dich an die Verantwortlichen von {organization}: "
        "Sie können ihn dir schnell zurückgeben.",
    ),
    Standing.TAKEN_BACK: Said(
        "Dein Platz wurde zurückgenommen",
        "Dein Platz für GitHub Copilot in {organization} wurde zurückgenommen, bevor deine Antwort kam. "
        "Wenn du noch einen brauchst, wende dich an die Verantwortlichen von {organization}, oder antworte "
        "auf die Nachricht mit diesem Link.",
    ),
    Standing.ENDED: Said(
        "Dein Platz ist ausgelaufen",
        "Du hast in {organization} keinen Platz für GitHub Copilot mehr. Wenn du einen brauchst, wende dich "
        "an die Verantwortlichen von {organization}.",
    ),
    Standing.EXPIRED: Said(
        "Dieser Link ist abgelaufen",
        "Er galt bis einige Tage nach dem {until}. Wenn du deinen Platz für GitHub Copilot in {organization} "
        "noch brauchst, nutze Copilot jetzt, oder wende dich an die Verantwortlichen von {organization}.",
    ),
    Standing.UNKNOWN: Said(
        "Dieser Link führt nirgendwohin",
        "Er ist nicht vollständig, oder es gibt nicht mehr, worum es ging. Bitte öffne ihn noch einmal ganz "
        "aus der Nachricht. Hilft das nicht, antworte auf die Nachricht.",
    ),
}
LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        ENGLISH,
        "I still need it",
        "If you do not, there is nothing to do. The seat may be given to somebody else after {until} (UTC).",
    ),
    "de": Language(
        GERMAN,
        "Ich brauche ihn noch",
        "Wenn nicht, ist nichts zu tun. Nach dem {until} (UTC) kann der Platz an jemand anderen gehen.",
    ),
}


def page_of(found: Found) -> Page:
    """What to say, in the language of the notice where we have its words, else in English."""
    notice, review = found.notice, found.review
    language = (notice.language if notice else "").partition("-")[0]
    language = language if language in LANGUAGES else "en"
    spoken = LANGUAGES[language]
    values = {
        "organization": review.seat.account.label if review else "",
        "login": review.seat.user.login if review else "",
        "until": found.answer_until.isoformat() if found.answer_until else "",
        "kept_until": review.kept_until.isoformat() if review and review.kept_until else "",
    }
    title, text = spoken.words[found.standing]
    is_open = found.standing == Standing.OPEN
    return Page(
        language,
        title,
        text.format(**values),
        spoken.button if is_open else "",
        spoken.note.format(**values) if is_open else "",
    )
