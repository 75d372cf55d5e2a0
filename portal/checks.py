"""Misconfiguration, as numbered system checks that say what to do."""
