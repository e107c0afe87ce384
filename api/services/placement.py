"""Where somebody stands in a model by their ratings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api.model_store import ServedModel
from api.problems import InvalidRequest, NotFound, field_error
from api.queries import ratings as queries
from api.schemas.base import HeadName
from api.schemas.recommendations import InlineRating, Personalization
from engine.foldin import Taste, fold_in
from engine.model import Head

FULL_PERSONALIZATION = 10

StarsByMovie = Mapping[int, float]


@dataclass(frozen=True)
class Placement:
    """A user placed in both spaces of one model by the ratings it knows."""

    served: ServedModel
    movie_ids: list[int]
    stars: StarsByMovie
    rating: Taste
    ranking: Taste
    ordered_by: HeadName = "ranking"

    @property
    def ordering(self) -> tuple[Head, Taste]:
        """The head that orders the list, and the user in its space."""
        if self.ordered_by == "rating":
            return self.served.model.rating, self.rating
        return self.served.model.ranking, self.ranking


def inline_stars(ratings: Sequence[InlineRating]) -> StarsByMovie:
    """Read the ratings of a request by movie."""
    stars = {rating.movie_id: rating.value for rating in ratings}
    if len(stars) < len(ratings):
        error = field_error(
            "body", "ratings", code="repeated", message="Rate each movie once"
        )
        raise InvalidRequest(errors=[error])
    return stars


async def stars_of(session: AsyncSession, user_id: int) -> StarsByMovie:
    """Read a user's ratings by movie."""
    rows = await queries.of_user(session, user_id)
    if not rows and not await queries.user_exists(session, user_id):
        raise NotFound
    return {row.movie_id: row.value for row in rows}


def place(
    served: ServedModel, stars: StarsByMovie, *, ordered_by: HeadName = "ranking"
) -> Placement:
    """Fold a user into both heads."""
    movie_ids = np.fromiter(stars, dtype=np.int64, count=len(stars))
    values = np.fromiter(stars.values(), dtype=np.float32, count=len(stars))
    indices = served.model.item_indices_of(movie_ids)
    known = indices >= 0
    indices, values = indices[known], values[known]
    return Placement(
        served=served,
        movie_ids=movie_ids[known].tolist(),
        stars=stars,
        rating=fold_in(served.model.rating, indices, values),
        ranking=fold_in(served.model.ranking, indices, values),
        ordered_by=ordered_by,
    )


def personalization(stars: StarsByMovie, n_used: int) -> Personalization:
    """Say how much of a user's own taste a list can hold."""
    level = (
        "full" if n_used >= FULL_PERSONALIZATION else "partial" if n_used else "none"
    )
    return Personalization.model_validate(
        {"level": level, "n_ratings": len(stars), "n_ratings_used": n_used}
    )
