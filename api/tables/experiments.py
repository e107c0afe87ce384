"""Tables of experiments, votes, and what is hidden."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Table


class SigningKey(Table):
    """The secret that signs recommendation ids: one row, made by the migration.

    It is in the database rather than in the settings because all web processes share it
    and no operator has to invent or distribute it. Anybody who can read it here could
    change the votes as well.
    """

    __tablename__ = "signing_keys"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    secret: Mapped[bytes]


class Feedback(Table):
    """A like or dislike of a recommended movie; the last vote stands.

    A user has one vote on a movie outside experiments and one for each variant: later
    votes must not change the result of a stopped experiment.
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
    """A user's last vote on a movie, on whichever list; models learn from it.

    `feedback` keeps votes apart by variant; this table does not.
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
    """Number of votes a user cast since the start of a minute, for the rate limit."""

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
    """A comparison of variants; at most one runs, and a running one never changes.

    In a split experiment each user sees one variant; in an interleaved one each list is
    drawn from both.
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
    """One arm of an experiment: a model and the parameters of its lists.

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

    The variant is null in an interleaved experiment: the user sees both.
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
