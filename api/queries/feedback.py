"""SQL of votes, their rate limit and hidden movies."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from api.storage.database import AnyRow
from api.tables import (
    Experiment,
    Feedback,
    FeedbackMinute,
    HiddenMovie,
    Movie,
    Opinion,
    SigningKey,
    Variant,
)

LIKED, DISLIKED = 4.5, 2.0
"""Votes read as stars. What people of the sample gave averages 4.37 from 4 stars
upwards, and 1.80 below 3."""


async def signing_secret(session: AsyncSession) -> bytes:
    """Read the secret that signs recommendation ids."""
    query = select(SigningKey.secret).order_by(SigningKey.id.desc()).limit(1)
    return (await session.execute(query)).scalar_one()


async def count_vote(session: AsyncSession, user_id: int, *, within: timedelta) -> int:
    """Count a vote; return how many the user cast since the window began.

    The row is locked until the commit, so votes of one user are counted one by one.
    """
    statement = insert(FeedbackMinute).values(
        user_id=user_id, started_at=func.now(), n_votes=1
    )
    is_over = FeedbackMinute.started_at <= func.now() - within
    statement = statement.on_conflict_do_update(
        index_elements=[FeedbackMinute.user_id],
        set_={
            "started_at": case((is_over, func.now()), else_=FeedbackMinute.started_at),
            "n_votes": case((is_over, 1), else_=FeedbackMinute.n_votes + 1),
        },
    )
    returned = statement.returning(FeedbackMinute.n_votes)
    return (await session.execute(returned)).scalar_one()


async def vote(
    session: AsyncSession,
    *,
    user_id: int,
    movie_id: int,
    variant_id: int | None,
    is_like: bool,
) -> None:
    """Store a vote and make it the user's opinion; the last commit wins."""
    values = {"user_id": user_id, "movie_id": movie_id, "is_like": is_like}
    cast = insert(Feedback).values(variant_id=variant_id, **values)
    await session.execute(_replacing(cast, "user_id", "movie_id", "variant_id"))
    held = insert(Opinion).values(**values)
    await session.execute(_replacing(held, "user_id", "movie_id"))


def _replacing(statement: Insert, *key: str) -> Insert:
    set_ = {"is_like": statement.excluded.is_like, "voted_at": func.now()}
    return statement.on_conflict_do_update(index_elements=key, set_=set_)


async def running_variant(
    session: AsyncSession, variant_id: int, *, team: int
) -> int | None:
    """Find the variant that a vote counts for, if its experiment is still running.

    `team` counts from `variant_id`: 1 for a movie that the second of two interleaved
    variants contributed, else 0.
    """
    first = aliased(Variant)
    query = (
        select(Variant.id)
        .join(first, first.experiment_id == Variant.experiment_id)
        .join(Experiment, Experiment.id == Variant.experiment_id)
        .where(
            first.id == variant_id,
            Variant.position == first.position + team,
            Experiment.state == "running",
        )
    )
    return (await session.execute(query)).scalar_one_or_none()


async def take_back(
    session: AsyncSession, *, user_id: int, movie_id: int, variant_id: int | None
) -> None:
    """Delete a vote, if there is one, and the opinion with it.

    The vote may be outside experiments or belong to one; then it is deleted for all its
    variants, because a movie of an interleaved list may have counted for the other one.
    """
    await session.execute(
        delete(Feedback).where(
            Feedback.user_id == user_id,
            Feedback.movie_id == movie_id,
            _is_beside(variant_id),
        )
    )
    await session.execute(
        delete(Opinion).where(Opinion.user_id == user_id, Opinion.movie_id == movie_id)
    )


def _is_beside(variant_id: int | None) -> ColumnElement[bool]:
    """Match votes for any variant of the same experiment, or those for none."""
    if variant_id is None:
        return Feedback.variant_id.is_(None)
    own, other = aliased(Variant), aliased(Variant)
    siblings = (
        select(other.id)
        .join(own, own.experiment_id == other.experiment_id)
        .where(own.id == variant_id)
    )
    return Feedback.variant_id.in_(siblings)


async def hide(session: AsyncSession, *, user_id: int, movie_id: int) -> None:
    """Hide a movie; hiding it again changes nothing."""
    statement = insert(HiddenMovie).values(user_id=user_id, movie_id=movie_id)
    await session.execute(statement.on_conflict_do_nothing())


async def unhide(session: AsyncSession, *, user_id: int, movie_id: int) -> bool:
    """Show a movie again; false if it was not hidden."""
    statement = delete(HiddenMovie).where(
        HiddenMovie.user_id == user_id, HiddenMovie.movie_id == movie_id
    )
    returned = statement.returning(HiddenMovie.movie_id)
    return (await session.execute(returned)).first() is not None


async def hidden_page(
    session: AsyncSession,
    user_id: int,
    *,
    limit: int,
    after: tuple[Any, ...] | None,
) -> Sequence[AnyRow]:
    """Page through hidden movies, last one first; `after` is (hidden_at, movie id)."""
    query = select(HiddenMovie.movie_id, HiddenMovie.hidden_at)
    query = query.where(HiddenMovie.user_id == user_id)
    if after is not None:
        hidden_at, movie_id = after
        older = tuple_(HiddenMovie.hidden_at, -HiddenMovie.movie_id)
        query = query.where(older < (hidden_at, -movie_id))
    query = query.order_by(HiddenMovie.hidden_at.desc(), HiddenMovie.movie_id)
    return (await session.execute(query.limit(limit))).all()


async def votes_with_movies(session: AsyncSession, user_id: int) -> Sequence[AnyRow]:
    """Read a user's votes with movie and variant, newest first, for the export."""
    query = (
        select(
            Feedback.movie_id,
            Movie.title,
            Movie.year,
            case((Feedback.is_like, "like"), else_="dislike").label("vote"),
            Feedback.voted_at,
            Variant.experiment_id,
            Variant.name.label("variant"),
        )
        .join(Movie, Movie.id == Feedback.movie_id)
        .outerjoin(Variant, Variant.id == Feedback.variant_id)
        .where(Feedback.user_id == user_id)
        .order_by(Feedback.voted_at.desc(), Feedback.id.desc())
    )
    return (await session.execute(query)).all()


async def opinions_with_movies(session: AsyncSession, user_id: int) -> Sequence[AnyRow]:
    """Read what a user thinks of movies, newest first, for the export."""
    query = (
        select(
            Opinion.movie_id,
            Movie.title,
            Movie.year,
            case((Opinion.is_like, "like"), else_="dislike").label("vote"),
            Opinion.voted_at,
        )
        .join(Movie, Movie.id == Opinion.movie_id)
        .where(Opinion.user_id == user_id)
        .order_by(Opinion.voted_at.desc(), Opinion.movie_id)
    )
    return (await session.execute(query)).all()


async def hidden_with_movies(session: AsyncSession, user_id: int) -> Sequence[AnyRow]:
    """Read the movies a user has hidden, the last one first, for export."""
    query = (
        select(HiddenMovie.movie_id, Movie.title, Movie.year, HiddenMovie.hidden_at)
        .join(Movie, Movie.id == HiddenMovie.movie_id)
        .where(HiddenMovie.user_id == user_id)
        .order_by(HiddenMovie.hidden_at.desc(), HiddenMovie.movie_id)
    )
    return (await session.execute(query)).all()
