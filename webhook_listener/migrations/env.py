"""Alembic's entry: runs migrations on the connection that ``webhook_listener.schema`` hands over."""

from alembic import context
from sqlmodel import SQLModel

import billing_core.tables  # noqa: F401 - fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
