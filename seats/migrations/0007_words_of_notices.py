"""The words in which people are told, in English and German."""

from django.db import migrations

PERSON_EN = """\
Hello {{ name }},

you hold a GitHub Copilot seat in {{ organization }} (as {{ login }} on GitHub). It looks as if you no longer use it:
{{ reason }}

Do you still need it? One click says so, without logging in:

{{ link }}

Using Copilot keeps your seat as well.

If you do neither by the end of {{ answer_until }} (UTC), your seat may be taken back and given to somebody who waits for one. You may ask for a seat again at any time.

This mail comes from the Copilot Governance Portal of {{ organization }}.
"""

PERSON_DE = """\
Hallo {{ name }},

du hast in {{ organization }} einen Platz für GitHub Copilot (als {{ login }} auf GitHub). Es sieht so aus, als würdest du ihn nicht mehr nutzen.
Zuletzt genutzt: {{ last_used }}, vor {{ days_idle }} Tagen.

Brauchst du ihn noch? Ein Klick genügt, ohne Anmeldung:

{{ link }}

Auch wenn du Copilot einfach wieder nutzt, bleibt dein Platz erhalten.

Geschieht bis einschließlich {{ answer_until }} (UTC) nichts davon, kann der Platz an jemanden gehen, der auf einen wartet. Du kannst jederzeit wieder um einen Platz bitten.

Diese Nachricht kommt vom Copilot Governance Portal von {{ organization }}.
"""

MAINTAINERS_EN = """\
Hello {{ name }},

you maintain the team {{ team }} in {{ organization }}. These members hold a GitHub Copilot seat that looks unused; login, last use, and the last day on which they may answer:

{{ people }}

They have been told, or will be. Please remind whoever still needs the seat: using Copilot, or one click in the mail they got, keeps it.

This mail comes once a week at most, from the Copilot Governance Portal of {{ organization }}.
"""

MAINTAINERS_DE = """\
Hallo {{ name }},

du betreust in {{ organization }} das Team {{ team }}. Diese Mitglieder haben einen Platz für GitHub Copilot, der ungenutzt aussieht; Login, letzte Nutzung und letzter Tag für eine Antwort:

{{ people }}

Sie wurden benachrichtigt oder werden es noch. Bitte erinnere alle, die ihren Platz noch brauchen: Copilot nutzen oder ein Klick in ihrer Nachricht genügt.

Diese Nachricht kommt höchstens einmal in der Woche, vom Copilot Governance Portal von {{ organization }}.
"""

WORDS = [
    ("person", "en", "Do you still need your GitHub Copilot seat in {{ organization }}?", PERSON_EN),
    ("person", "de", "Brauchst du deinen GitHub-Copilot-Platz in {{ organization }} noch?", PERSON_DE),
    ("maintainers", "en", "Copilot seats in {{ team }} that look unused", MAINTAINERS_EN),
    ("maintainers", "de", "Copilot-Plätze in {{ team }}, die ungenutzt aussehen", MAINTAINERS_DE),
]


def add_words(apps, schema_editor):
    templates = apps.get_model("seats", "NoticeTemplate").objects
    for kind, language, subject, body in WORDS:
        templates.get_or_create(
            scope_key="all",
            kind=kind,
            language=language,
            defaults={"subject": subject, "body": body, "is_default": language == "en"},
        )


def remove_words(apps, schema_editor):
    """Only those that nobody has edited."""
    templates = apps.get_model("seats", "NoticeTemplate").objects
    for kind, language, subject, body in WORDS:
        templates.filter(scope_key="all", kind=kind, language=language, subject=subject, body=body).delete()


class Migration(migrations.Migration):
    dependencies = [("seats", "0006_taking_seats_back")]

    operations = [migrations.RunPython(add_words, remove_words)]
