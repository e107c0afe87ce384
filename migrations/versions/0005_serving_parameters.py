"""Variants that differ in more than model and head."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

VARIANTS = """
ALTER TABLE variants
    ADD diversity double precision NOT NULL DEFAULT 0,
    ADD exploration double precision NOT NULL DEFAULT 0,
    ADD CONSTRAINT variants_diversity_check CHECK (diversity BETWEEN 0 AND 1),
    ADD CONSTRAINT variants_exploration_check CHECK (exploration BETWEEN 0 AND 1);
"""
VARIANTS_BEFORE = "ALTER TABLE variants DROP diversity, DROP exploration"


def upgrade() -> None:
    """Let a variant say how diverse and how exploring its lists are."""
    op.execute(VARIANTS)


def downgrade() -> None:
    """Go back to variants of model and head."""
    op.execute(VARIANTS_BEFORE)
