"""Connections made before there were flagging, notices and taking back get their schedules, once.

What an admin switches off or deletes afterwards stays as it is: no later start makes them again.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import migrations
from django.utils import timezone

# Kind and hour of the day, UTC, as `portal.sync_schedules` gave them when this was written.
HOURS = {"flagging": 8, "notices": 9, "revoking": 12}


def make(apps: Any, schema_editor: Any) -> None:
    connections = apps.get_model("portal", "Connection").objects.using(schema_editor.connection.alias)
    schedules = apps.get_model("portal", "SyncSchedule").objects.using(schema_editor.connection.alias)
    now = timezone.now()
    for connection in connections.all():
        for kind, hour in HOURS.items():
            at = time(hour, (connection.pk * 7) % 60)
            due = datetime.combine(now.date(), at, UTC)
            # No row of the queue is made here: the reaper runs what is overdue, and that makes one.
            schedules.get_or_create(
                connection=connection,
                kind=kind,
                defaults={
                    "cadence": "daily",
                    "daily_at": at,
                    "next_run_at": due if due > now else due + timedelta(days=1),
                },
            )


def remove(apps: Any, schema_editor: Any) -> None:
    """An older portal knows nothing to do for these kinds; it drops the queue's rows by itself."""
    schedules = apps.get_model("portal", "SyncSchedule").objects.using(schema_editor.connection.alias)
    schedules.filter(kind__in=HOURS).delete()


class Migration(migrations.Migration):
    dependencies = [("portal", "0004_schedules_of_governance")]

    operations = [migrations.RunPython(make, remove)]
