"""The loss on held-out ratings after each sweep, beside their RMSE."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; sweeps recorded before have no value in it."""
    op.execute("ALTER TABLE training_sweeps ADD COLUMN test_loss double precision")


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE training_sweeps DROP COLUMN test_loss")
