"""Experiments whose lists are drawn from two variants."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Whoever sees an interleaved list sees both variants: their exposure names neither.
KINDS = """
ALTER TABLE experiments
    ADD kind text NOT NULL DEFAULT 'split',
    ADD CONSTRAINT experiments_kind_check CHECK (kind IN ('split', 'interleaved'));
ALTER TABLE exposures ALTER variant_id DROP NOT NULL;
"""
KINDS_BEFORE = """
DELETE FROM experiments WHERE kind = 'interleaved';
ALTER TABLE experiments DROP kind;
ALTER TABLE exposures ALTER variant_id SET NOT NULL;
"""


def upgrade() -> None:
    """Let an experiment say of which kind it is."""
    op.execute(KINDS)


def downgrade() -> None:
    """Go back to split experiments; interleaved ones are lost."""
    op.execute(KINDS_BEFORE)
