"""Votes on recommended movies, and hidden movies."""

from fastapi import APIRouter, Response, status

from api.schemas.base import Cursor, Limit, MovieId
from api.schemas.recommendations import FeedbackIn, FeedbackOut, HiddenPage
from api.services import feedback
from api.web.dependencies import Rater, ServicesDep, SessionDep, Subject
from api.web.strict_route import StrictRoute

router = APIRouter(tags=["feedback"], route_class=StrictRoute)


@router.put("/feedback")
async def put_feedback(
    body: FeedbackIn, rater: Rater, session: SessionDep, built: ServicesDep
) -> FeedbackOut:
    """Like or dislike a recommended movie, or take the vote back."""
    secret = await built.signer.secret(session)
    return await feedback.vote(session, principal=rater, secret=secret, body=body)


@router.get("/hidden/{user_id}")
async def get_hidden(
    user_id: Subject, session: SessionDep, limit: Limit = 24, cursor: Cursor = None
) -> HiddenPage:
    """List the movies a user has hidden, the last one first."""
    return await feedback.list_hidden(
        session, user_id=user_id, limit=limit, cursor=cursor
    )


@router.put(
    "/hidden/{user_id}/{movie_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
async def put_hidden(user_id: Subject, movie_id: MovieId, session: SessionDep) -> None:
    """Hide a movie from all lists of this user."""
    await feedback.hide(session, user_id=user_id, movie_id=movie_id)


@router.delete(
    "/hidden/{user_id}/{movie_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
async def delete_hidden(
    user_id: Subject, movie_id: MovieId, session: SessionDep
) -> None:
    """Show a hidden movie again."""
    await feedback.unhide(session, user_id=user_id, movie_id=movie_id)
