"""Folders of models that this database has had made: nobody else's are ever deleted."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, with the folders of today's models."""
    op.execute(
        "CREATE TABLE model_folders (name text PRIMARY KEY, "
        "made_at timestamptz NOT NULL DEFAULT now())"
    )
    op.execute("INSERT INTO model_folders (name) SELECT folder FROM models")


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE model_folders")
