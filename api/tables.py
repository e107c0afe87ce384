"""Mapped classes: the tables, their constraints and their indexes."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB, REAL
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Ids below are kept for users that come with an imported data set.
FIRST_REGISTERED_USER_ID = 1_000_000_001


class Table(DeclarativeBase):
    """Base of all tables; constraint names follow one scheme, so Alembic finds them."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own idiom
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        bytes: LargeBinary,
    }


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
    """What a request with an idempotency key was answered, kept for a day."""

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


class Movie(Table):
    """A movie; its id is MovieLens's own when it was imported."""

    __tablename__ = "movies"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    year: Mapped[int | None]
    genres: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    imdb_id: Mapped[int | None]
    tmdb_id: Mapped[int | None]
    # Typo-tolerant search without an extension, which not every PostgreSQL offers.
    title_trigrams: Mapped[list[str]] = mapped_column(
        Computed("trigrams(title, ' ')", persisted=True)
    )
    # What files of other services may call it; compared as a whole.
    title_names: Mapped[list[str]] = mapped_column(
        Computed("title_names(title)", persisted=True)
    )

    __table_args__ = (
        Index(None, "title_trigrams", postgresql_using="gin"),
        Index(None, "genres", postgresql_using="gin"),
        Index("movies_title_idx", text("lower(title)"), "id"),
        Index(None, "imdb_id"),
        Index(None, "tmdb_id"),
    )


class MovieStatistics(Table):
    """What the ratings of a movie add up to, exact, kept by a trigger on `ratings`.

    Beside `movies`, not in it: each rating rewrites this row, and that row is wide and
    indexed. Sums are integers in half stars, so mean and variance carry no drift.
    """

    __tablename__ = "movie_statistics"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    n_ratings: Mapped[int]
    half_stars_sum: Mapped[int] = mapped_column(BigInteger)
    half_stars_sum_squares: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("movie_statistics_popularity_idx", text("n_ratings DESC"), "movie_id"),
    )


class Rating(Table):
    """A user's rating of a movie, 0.5 to 5 stars in halves."""

    __tablename__ = "ratings"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    value: Mapped[float] = mapped_column(REAL)
    rated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint(
            "value BETWEEN 0.5 AND 5 AND value * 2 = floor(value * 2)",
            name="half_stars",
        ),
        Index("ratings_movie_id_idx", "movie_id", postgresql_include=["value"]),
        Index("ratings_newest_idx", "user_id", text("rated_at DESC"), "movie_id"),
    )


class TrainingRun(Table):
    """A training job; the row is its own queue entry."""

    __tablename__ = "training_runs"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    status: Mapped[str] = mapped_column(server_default=text("'queued'"))
    stage: Mapped[str | None]
    error: Mapped[str | None]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed')", name="status"
        ),
        Index(
            "training_runs_one_running_idx",
            "status",
            unique=True,
            postgresql_where=text("status = 'running'"),
        ),
    )


class TrainingSweep(Table):
    """Progress of a run: one row for each sweep of each head."""

    __tablename__ = "training_sweeps"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("training_runs.id", ondelete="CASCADE"), primary_key=True
    )
    head: Mapped[str] = mapped_column(primary_key=True)
    sweep: Mapped[int] = mapped_column(primary_key=True)
    n_sweeps: Mapped[int]
    rmse: Mapped[float]
    loss: Mapped[float]
    seconds: Mapped[float]


class Model(Table):
    """A published model; its arrays are a folder named after the id."""

    __tablename__ = "models"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    run_id: Mapped[int | None] = mapped_column(
        ForeignKey("training_runs.id", ondelete="SET NULL"), unique=True
    )
    folder: Mapped[str] = mapped_column(unique=True)
    manifest: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index(
            "models_one_active_idx",
            "is_active",
            unique=True,
            postgresql_where=text("is_active"),
        ),
    )
