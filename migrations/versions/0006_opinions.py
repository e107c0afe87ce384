"""What users think of movies, by their last votes on any list."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPINIONS = """
CREATE TABLE opinions (
    user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
    movie_id integer NOT NULL REFERENCES movies ON DELETE CASCADE,
    is_like boolean NOT NULL,
    voted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, movie_id)
);
CREATE INDEX opinions_movie_id_idx ON opinions (movie_id);
INSERT INTO opinions
    SELECT DISTINCT ON (user_id, movie_id) user_id, movie_id, is_like, voted_at
    FROM feedback ORDER BY user_id, movie_id, voted_at DESC, id DESC;
"""


def upgrade() -> None:
    """Take the last vote of each user on each movie for their opinion."""
    op.execute(OPINIONS)


def downgrade() -> None:
    """Forget opinions; the votes they came from stay."""
    op.execute("DROP TABLE opinions")
