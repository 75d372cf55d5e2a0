"""Tell the layer below which steps of a sync are about use."""

from __future__ import annotations

from metrics.sync.steps import USAGE
from seats.sync import now

now.register(USAGE)
