"""Rows into series for the home page: pure, no query and no HTML."""
