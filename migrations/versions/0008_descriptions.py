"""Synopsis and poster of a movie, with their source."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for what `cinefold enrich` fetches."""
    op.execute("""
        CREATE TABLE descriptions (
            movie_id integer PRIMARY KEY REFERENCES movies ON DELETE CASCADE,
            synopsis text,
            poster bytea,
            source text NOT NULL,
            described_at timestamptz NOT NULL DEFAULT now()
        )
    """)


def downgrade() -> None:
    """Take it away again; `cinefold enrich` can fetch it once more."""
    op.execute("DROP TABLE descriptions")
