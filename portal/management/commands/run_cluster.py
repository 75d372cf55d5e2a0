"""Started by `run_worker`: django-q2's cluster on a leash."""

from __future__ import annotations

import socket
from typing import Any

from django.core.management.base import BaseCommand
from django_q.cluster import Cluster

from portal import leash


class Command(BaseCommand):
    help = "Started by run_worker, which watches it; not to be run by hand."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--leash", type=int, required=True, help="the open socket to run_worker")
        parser.add_argument("--beat-every", type=float, required=True, help="seconds between heartbeats")

    def handle(self, *args: Any, **options: Any) -> None:
        end = socket.socket(fileno=options["leash"])
        leash.hold(leash.Leash(end, options["beat_every"]))
        Cluster().start()
        leash.end_when_orphaned()
