"""A user's ratings."""

from fastapi import APIRouter, Response, status

from api.schemas.base import Cursor, Limit, MovieId
from api.schemas.ratings import RatingIn, RatingOut, RatingPage
from api.schemas.recommendations import Influence
from api.services import predictions, ratings
from api.tables import Rating
from api.web.dependencies import Profile, SessionDep, Subject
from api.web.strict_route import StrictRoute

router = APIRouter(prefix="/ratings", tags=["ratings"], route_class=StrictRoute)


@router.get("/{user_id}")
async def get_ratings(
    user_id: Subject, session: SessionDep, limit: Limit = 24, cursor: Cursor = None
) -> RatingPage:
    """List a user's ratings, newest first."""
    return await ratings.browse(session, user_id=user_id, limit=limit, cursor=cursor)


@router.get("/{user_id}/influence")  # noqa: FAST003 - `Profile` takes it
async def get_influence(profile: Profile) -> Influence:
    """Measure the influence of each rating on a user's list."""
    return predictions.influence(profile)


@router.get("/{user_id}/{movie_id}", response_model=RatingOut)
async def get_rating(
    user_id: Subject, movie_id: MovieId, session: SessionDep
) -> Rating:
    """Read one rating."""
    return await ratings.read(session, user_id=user_id, movie_id=movie_id)


@router.put("/{user_id}/{movie_id}", response_model=RatingOut)
async def put_rating(
    user_id: Subject, movie_id: MovieId, body: RatingIn, session: SessionDep
) -> Rating:
    """Rate a movie, replacing an earlier rating."""
    return await ratings.rate(
        session, user_id=user_id, movie_id=movie_id, value=body.value
    )


@router.delete(
    "/{user_id}/{movie_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
async def delete_rating(
    user_id: Subject, movie_id: MovieId, session: SessionDep
) -> None:
    """Take a rating back."""
    await ratings.remove(session, user_id=user_id, movie_id=movie_id)
