"""Tables of training runs, models, and the discussion of their code."""

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Table


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
    # The request; parameters that it leaves out take the engine's defaults.
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
    # Rises with time, so a client can resume after the last sweep it received.
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    n_sweeps: Mapped[int]
    rmse: Mapped[float]
    loss: Mapped[float]
    seconds: Mapped[float]
    test_rmse: Mapped[float | None]
    test_loss: Mapped[float | None]

    __table_args__ = (
        CheckConstraint("fit IN ('evaluation', 'publication')", name="fit"),
    )


class Source(Table):
    """The code that trained models: module texts by name, each version once."""

    __tablename__ = "sources"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    modules: Mapped[dict[str, Any]]


class ModelFolder(Table):
    """A folder that this database has had made, written before its files are.

    What a killed worker leaves is known by it; all other folders are somebody else's.
    """

    __tablename__ = "model_folders"

    name: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


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
    # When it last went live or was replaced; roll-back follows this order.
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
