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


class Description(Table):
    """What another service says of a movie; it may know nothing, and that is kept.

    Beside `movies`, not in it: whatever reads those need not pass by pictures.
    """

    __tablename__ = "descriptions"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    synopsis: Mapped[str | None]
    poster: Mapped[bytes | None]
    source: Mapped[str]
    described_at: Mapped[datetime] = mapped_column(server_default=func.now())


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
    # Ratings given, changed and taken back since the beginning; it never falls.
    n_changes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

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
    # What was asked for; what is not in here takes the engine's default.
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    reason: Mapped[str] = mapped_column(server_default=text("'request'"))
    progress: Mapped[float] = mapped_column(server_default=text("0"))
    metrics: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))

    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name="status",
        ),
        CheckConstraint("reason IN ('request', 'schedule', 'ratings')", name="reason"),
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
    fit: Mapped[str] = mapped_column(
        server_default=text("'publication'"), primary_key=True
    )
    head: Mapped[str] = mapped_column(primary_key=True)
    sweep: Mapped[int] = mapped_column(primary_key=True)
    # Rises with time: where a listener left off.
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    n_sweeps: Mapped[int]
    rmse: Mapped[float]
    loss: Mapped[float]
    seconds: Mapped[float]
    test_rmse: Mapped[float | None]

    __table_args__ = (
        CheckConstraint("fit IN ('evaluation', 'publication')", name="fit"),
    )


class Source(Table):
    """The code that trained models: module texts by name, each version once."""

    __tablename__ = "sources"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    modules: Mapped[dict[str, Any]]


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
    kind: Mapped[str] = mapped_column(server_default=text("'trained'"))
    source: Mapped[str | None] = mapped_column(ForeignKey("sources.sha256"))
    # When it began or ceased to serve, whichever was last: the order of rolling back.
    last_active_at: Mapped[datetime | None]
    # Why publishing did not activate it.
    refusal: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("kind IN ('trained', 'imported')", name="kind"),
        Index(
            "models_one_active_idx",
            "is_active",
            unique=True,
            postgresql_where=text("is_active"),
        ),
    )


class SigningKey(Table):
    """The secret that signs recommendation ids: one row, made by the migration.

    In the database and not a setting: every web process needs the same one, nobody has
    to invent or distribute it, and whoever can read it here could read and change the
    votes as well.
    """

    __tablename__ = "signing_keys"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    secret: Mapped[bytes]


class Feedback(Table):
    """A like or dislike of a movie that was recommended; the last vote stands.

    One outside of experiments and one for each variant: later votes must not change
    what a stopped experiment has found.
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), index=True
    )
    is_like: Mapped[bool]
    voted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    variant_id: Mapped[int | None] = mapped_column(
        ForeignKey("variants.id", ondelete="CASCADE"), index=True
    )

    __table_args__ = (
        Index(
            "feedback_one_vote_idx",
            "user_id",
            "movie_id",
            "variant_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )


class Opinion(Table):
    """A user's last vote on a movie, whichever list it was cast on: what teaches.

    Beside `feedback`, where votes are kept apart by variant.
    """

    __tablename__ = "opinions"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    is_like: Mapped[bool]
    voted_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FeedbackMinute(Table):
    """How many votes a user cast since the start of a minute: the rate limit."""

    __tablename__ = "feedback_minutes"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    started_at: Mapped[datetime]
    n_votes: Mapped[int]


class HiddenMovie(Table):
    """A movie that a user does not want to be recommended."""

    __tablename__ = "hidden_movies"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    hidden_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Experiment(Table):
    """A comparison of variants; at most one runs, and nothing of it changes then.

    Split: each user sees one variant. Interleaved: each list is drawn from both.
    """

    __tablename__ = "experiments"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    hypothesis: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default=text("'split'"))
    state: Mapped[str] = mapped_column(server_default=text("'draft'"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    metric: Mapped[str]
    minimum_effect: Mapped[float]
    alpha: Mapped[float]
    power: Mapped[float]
    traffic_share: Mapped[float]
    algorithm_version: Mapped[int]
    traffic_salt: Mapped[str]
    variant_salt: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("kind IN ('split', 'interleaved')", name="kind"),
        CheckConstraint("state IN ('draft', 'running', 'stopped')", name="state"),
        Index(
            "experiments_one_running_idx",
            "state",
            unique=True,
            postgresql_where=text("state = 'running'"),
        ),
    )


class Variant(Table):
    """What some users of an experiment see: a model and how its lists are made.

    The one at position 0 is the control.
    """

    __tablename__ = "variants"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE")
    )
    position: Mapped[int]
    name: Mapped[str]
    weight: Mapped[float]
    model_id: Mapped[int] = mapped_column(
        ForeignKey("models.id", ondelete="RESTRICT"), index=True
    )
    head: Mapped[str]
    diversity: Mapped[float] = mapped_column(server_default=text("0"))
    exploration: Mapped[float] = mapped_column(server_default=text("0"))

    __table_args__ = (
        CheckConstraint("head IN ('ranking', 'rating')", name="head"),
        CheckConstraint("diversity BETWEEN 0 AND 1", name="diversity"),
        CheckConstraint("exploration BETWEEN 0 AND 1", name="exploration"),
        Index("variants_position_idx", "experiment_id", "position", unique=True),
        Index("variants_name_idx", "experiment_id", "name", unique=True),
    )


class Exposure(Table):
    """The first time a user saw a variant; it decides what they see from then on.

    None where the lists are interleaved: they see both.
    """

    __tablename__ = "exposures"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    variant_id: Mapped[int | None] = mapped_column(
        ForeignKey("variants.id", ondelete="CASCADE"), index=True
    )
    exposed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Expectation(Table):
    """A dummy user and what a model must recommend to be activated."""

    __tablename__ = "expectations"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    ratings: Mapped[list[Any]] = mapped_column(JSONB)
    expected: Mapped[list[Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CodeProposal(Table):
    """An edit of the training code as a unified diff; it is read, never run."""

    __tablename__ = "code_proposals"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    source: Mapped[str] = mapped_column(ForeignKey("sources.sha256"))
    path: Mapped[str]
    diff: Mapped[str]
    comment: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=text("'open'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("status IN ('open', 'accepted', 'declined')", name="status"),
    )


class CodeComment(Table):
    """A remark on a code proposal."""

    __tablename__ = "code_comments"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    proposal_id: Mapped[int] = mapped_column(
        ForeignKey("code_proposals.id", ondelete="CASCADE"), index=True
    )
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RatingSummary(Table):
    """What counting all ratings costs too much to do in a request; one row."""

    __tablename__ = "rating_summary"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n_changes: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[dict[str, Any]]
    computed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seconds: Mapped[float]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
