"""Every list of files knows all the files that are it, for each of them to be undone by itself."""

from __future__ import annotations

from collections import defaultdict

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AT_A_TIME = 1_000


def note_tellers(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """The file that a list bears, its pages, and the other seat lists of its account and moment."""
    rosters = apps.get_model("seats", "SeatRoster").objects
    files = apps.get_model("portal", "ReportFile").objects
    through = rosters.model.told_by.through.objects
    known = set(files.values_list("pk", flat=True))
    of_a_moment: dict[tuple[str, object], list[int]] = defaultdict(list)
    lists = files.filter(kind="seats", state__in=["done", "undoing"], observed_at__isnull=False)
    for pk, subject, observed_at in lists.values_list("pk", "subject", "observed_at"):
        of_a_moment[subject, observed_at].append(pk)
    told = []
    for pk, kind, account, observed_at, file, joined in rosters.order_by("pk").values_list(
        "pk", "account__kind", "account_id", "observed_at", "file_id", "joined_files"
    ):
        tellers = {file, *joined, *of_a_moment[f"{kind}:{account}", observed_at]} & known
        told += [through.model(seatroster_id=pk, reportfile_id=teller) for teller in sorted(tellers)]
    for roster in rosters.exclude(joined_files=[]):
        roster.joined_files = [roster.joined_files]
        roster.save(update_fields=["joined_files"])
    for start in range(0, len(told), AT_A_TIME):
        through.bulk_create(told[start : start + AT_A_TIME], ignore_conflicts=True)


def forget_tellers(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """One list of pages for each moment, as it was before: the last."""
    for roster in apps.get_model("seats", "SeatRoster").objects.exclude(joined_files=[]):
        roster.joined_files = roster.joined_files[-1]
        roster.save(update_fields=["joined_files"])


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0011_words_of_scheduled_reports"),
        ("seats", "0012_what_a_file_told_of_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="seatroster",
            name="told_by",
            field=models.ManyToManyField(
                blank=True,
                help_text="Every file that is a list of this moment.",
                related_name="+",
                to="portal.reportfile",
            ),
        ),
        migrations.RunPython(note_tellers, forget_tellers),
    ]
