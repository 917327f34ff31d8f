"""Alembic migrations of the facts. `engine.facts.migrate` runs them; no alembic.ini is needed."""
