"""Alembic migrations of the facts. `engine.facts.migrate` runs them; no alembic.ini is needed.

To change the tables: change `engine.facts.tables`, write the steps into a new file `versions/rNNNN_what.py` with the
revision before it as `down_revision`, and name it here. A test compares what the migrations give with the tables.
"""

HEAD = "0022"
"""The newest revision; written out so that a command on a current database need not load Alembic to know it."""
