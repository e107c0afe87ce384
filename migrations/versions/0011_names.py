"""User names in one form, look-alikes, and the end of one-time passwords."""

import sqlalchemy as sa
from alembic import op

from api.formats.usernames import comparable, skeleton

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of accounts whose names clash, the first one gets the form."""
    op.execute(
        """
        ALTER TABLE users
            ADD COLUMN name_form text UNIQUE,
            ADD COLUMN name_skeleton text UNIQUE,
            ADD COLUMN password_expires_at timestamptz
        """
    )
    connection = op.get_bind()
    query = "SELECT id, username FROM users WHERE username IS NOT NULL ORDER BY id"
    taken: set[str] = set()
    for user_id, name in connection.execute(sa.text(query)).all():
        values = {"form": comparable(name), "skeleton": skeleton(name)}
        free = {k: None if f"{k} {v}" in taken else v for k, v in values.items()}
        taken |= {f"{k} {v}" for k, v in values.items()}
        connection.execute(
            sa.text(
                "UPDATE users SET name_form = :form, name_skeleton = :skeleton "
                "WHERE id = :id"
            ),
            {"id": user_id, **free},
        )
    op.execute(
        "UPDATE users SET password_expires_at = now() + interval '1 day' "
        "WHERE must_change_password"
    )


def downgrade() -> None:
    """Drop the columns."""
    op.execute(
        """
        ALTER TABLE users
            DROP COLUMN name_form,
            DROP COLUMN name_skeleton,
            DROP COLUMN password_expires_at
        """
    )
