"""Tables of people and how they show who they are."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

# Ids below are kept for users that come with an imported data set.
from api.tables.base import Table

FIRST_REGISTERED_USER_ID = 1_000_000_001


class User(Table):
    """A person with an account, or one who came with an imported data set."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(
        Identity(start=FIRST_REGISTERED_USER_ID), primary_key=True
    )
    username: Mapped[str | None]
    password_hash: Mapped[str | None]
    must_change_password: Mapped[bool] = mapped_column(server_default=text("false"))
    is_admin: Mapped[bool] = mapped_column(server_default=text("false"))
    is_disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The forms of the name that no other account may have; see `api.formats.usernames`.
    name_form: Mapped[str | None] = mapped_column(unique=True)
    name_skeleton: Mapped[str | None] = mapped_column(unique=True)
    # When a one-time password ends, used or not.
    password_expires_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "(username IS NULL) = (password_hash IS NULL)", name="credentials"
        ),
        Index("users_username_key", text("lower(username)"), unique=True),
    )


class Session(Table):
    """A browser's sign-in; only the SHA-256 of its token is stored."""

    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    id: Mapped[int] = mapped_column(Identity(), unique=True)
    user_agent: Mapped[str | None]


class ApiKey(Table):
    """A program's credential; only the SHA-256 of the key is stored."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    prefix: Mapped[str]
    expires_at: Mapped[datetime | None]


class IdempotentReply(Table):
    """The reply to a request with an idempotency key, kept for a day."""

    __tablename__ = "idempotent_replies"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    reply: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SignInFailure(Table):
    """A wrong password, kept for an hour: the memory of the rate limit."""

    __tablename__ = "sign_in_failures"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    username: Mapped[str]
    address: Mapped[str] = mapped_column(INET)
    failed_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index(None, "username", "failed_at"),
        Index(None, "address", "failed_at"),
    )
