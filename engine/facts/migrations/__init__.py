"""Alembic migrations of the facts. `engine.facts.migrate` runs them; no alembic.ini is needed."""

HEAD = "0002"
"""The newest revision; written out so that a command on a current database need not load Alembic to know it."""
