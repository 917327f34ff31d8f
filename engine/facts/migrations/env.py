"""Run by Alembic for every command; `engine.facts.migrate` hands it the open connection."""

from alembic import context

from engine.facts.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
