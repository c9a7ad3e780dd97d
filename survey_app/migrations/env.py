"""Run by Alembic: carries the migrations out on the connection (and in the transaction) that Store.migrate opened."""

from alembic import context

from survey_app.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
