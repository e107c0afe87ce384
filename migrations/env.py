"""Run migrations on one connection, one migrating process at a time."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from api.tables import Table

ADVISORY_LOCK = 0x43696E65  # "Cine"


def run() -> None:
    """Migrate inside one transaction, so a failed migration leaves nothing behind."""
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Table.metadata)
        with context.begin_transaction():
            lock = text("SELECT pg_advisory_xact_lock(:key)")
            connection.execute(lock, {"key": ADVISORY_LOCK})
            context.run_migrations()
    engine.dispose()


run()
