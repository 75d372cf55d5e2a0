"""What the portal keeps in its caches, for tests that must begin without."""

from __future__ import annotations

import uuid

from django.core.cache import caches


def forget(*names: str) -> None:
    """Begin with nothing in these caches, or in all; what others keep in the same Redis stays."""
    for name in names or tuple(caches.settings):
        prefix = uuid.uuid4().hex
        caches.settings[name]["KEY_PREFIX"] = prefix  # for threads that have not met the cache yet
        caches[name].key_prefix = prefix
