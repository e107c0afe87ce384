"""Votes on recommended movies, and movies that users have hidden."""

import time
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import feedback as queries
from api.queries.movies import summaries
from api.queries.ratings import user_exists
from api.schemas.movies import MovieOut
from api.schemas.recommendations import FeedbackIn, FeedbackOut, HiddenPage
from api.services.auth import Principal
from api.services.signing import ForgedError, SignedList
from api.web import cursors
from api.web.problems import InvalidRequest, NotFound, TooManyAttempts, field_error

LIFETIME = timedelta(days=30)  # of a recommendation id, long enough to watch the movie
WINDOW = timedelta(minutes=1)
MAX_VOTES = 60  # per user and window


async def vote(
    session: AsyncSession, *, principal: Principal, secret: bytes, body: FeedbackIn
) -> FeedbackOut:
    """Store or withdraw a like or dislike; the last vote stands."""
    signed_list = _read(body, secret)
    if signed_list.user_id != principal.user_id and "serve" not in principal.scopes:
        raise NotFound
    try:
        await _store(session, signed_list, body)
    except IntegrityError as error:  # the user or the movie has since been deleted
        raise NotFound from error
    await session.commit()  # before the reply: a 200 means it is stored
    return FeedbackOut(movie_id=body.movie_id, vote=body.vote)


async def _store(
    session: AsyncSession, signed_list: SignedList, body: FeedbackIn
) -> None:
    """Store a vote, within the rate limit, for its variant if that is still running."""
    n_votes = await queries.count_vote(session, signed_list.user_id, within=WINDOW)
    if n_votes > MAX_VOTES:
        raise TooManyAttempts(round(WINDOW.total_seconds()))
    team = int(body.movie_id in signed_list.second_team)
    variant_id = await queries.running_variant(
        session, signed_list.variant_id, team=team
    )
    await queries.take_back(
        session,
        user_id=signed_list.user_id,
        movie_id=body.movie_id,
        variant_id=variant_id,
    )
    if body.vote != "none":
        await queries.vote(
            session,
            user_id=signed_list.user_id,
            movie_id=body.movie_id,
            variant_id=variant_id,
            is_like=body.vote == "like",
        )


def _read(body: FeedbackIn, secret: bytes) -> SignedList:
    """Read the recommendation id; refuse a vote that it does not cover."""
    try:
        signed_list = SignedList.read(body.recommendation_id, secret)
    except ForgedError:
        raise _refused("recommendation_id", "forged", "Unknown id") from None
    if signed_list.issued_at < time.time() - LIFETIME.total_seconds():
        raise _refused("recommendation_id", "expired", "Ask for a new list")
    if body.movie_id not in signed_list.movie_ids:
        raise _refused("movie_id", "not_recommended", "The movie is not on this list")
    return signed_list


def _refused(field: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[field_error("body", field, code=code, message=message)]
    )


async def hide(session: AsyncSession, *, user_id: int, movie_id: int) -> None:
    """Hide a movie from all of a user's lists."""
    try:
        await queries.hide(session, user_id=user_id, movie_id=movie_id)
    except IntegrityError as error:  # the foreign keys refuse unknown users and movies
        raise NotFound from error
    await session.commit()


async def unhide(session: AsyncSession, *, user_id: int, movie_id: int) -> None:
    """Show a hidden movie in lists again."""
    if not await queries.unhide(session, user_id=user_id, movie_id=movie_id):
        raise NotFound
    await session.commit()


async def list_hidden(
    session: AsyncSession, *, user_id: int, limit: int, cursor: str | None
) -> HiddenPage:
    """Read one page of the movies a user has hidden, the latest first."""
    after = cursors.decode(cursor, datetime, int) if cursor is not None else None
    rows = await queries.hidden_page(session, user_id, limit=limit + 1, after=after)
    if not rows and not await user_exists(session, user_id):
        raise NotFound
    movies = await summaries(session, [row.movie_id for row in rows])
    items = [MovieOut.model_validate(movies[row.movie_id]) for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    next_cursor = cursors.encode(last.hidden_at, last.movie_id) if last else None
    return HiddenPage(items=items, next_cursor=next_cursor)
