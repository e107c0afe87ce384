"""Fold a user into a model from their ratings and votes.

A vote on a movie is read as stars (`queries.feedback.LIKED`, `DISLIKED`) that count for
less than a rating, by `vote_weight`; stars that the user gave override it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import recommendations as queries
from api.queries.feedback import DISLIKED, LIKED
from api.schemas.base import HeadName
from api.schemas.recommendations import InlineRating, Personalization
from api.services.model_store import ServedModel
from api.storage.database import AnyRow
from api.web.problems import InvalidRequest, NotFound, field_error
from engine.arrays import FloatVector, IndexVector
from engine.model.heads import Head, Model
from engine.serving.fold_in import FoldedUser, fold_in

FULL_PERSONALIZATION = 10

StarsByMovie = Mapping[int, float]


@dataclass(frozen=True)
class RatingHistory:
    """A user's stars, and their votes on other movies, read as stars."""

    stars: StarsByMovie
    votes: StarsByMovie = field(default_factory=dict)
    vote_weight: float = 0  # above 0 where there are votes

    @property
    def parts(self) -> tuple[Hashable, ...]:
        """All of it as a hashable value."""
        stars, votes = self.stars, self.votes
        return (
            *(tuple(stars), tuple(stars.values())),
            *(tuple(votes), tuple(votes.values()), self.vote_weight),
        )


@dataclass(frozen=True)
class KnownRatings:
    """The ratings and votes of movies that a model knows; votes come last."""

    movie_ids: list[int]
    n_rated: int
    indices: IndexVector
    values: FloatVector
    weights: FloatVector | None  # None where there are no votes

    @property
    def n_votes(self) -> int:
        """How many of them are votes."""
        return len(self.movie_ids) - self.n_rated

    def taste(self, head: Head) -> FoldedUser:
        """Fold the user into a head of the model."""
        return fold_in(head, self.indices, self.values, weights=self.weights)


@dataclass(frozen=True)
class UserProfile:
    """A user folded into both heads of one model."""

    served: ServedModel
    history: RatingHistory
    known: KnownRatings
    rating: FoldedUser
    ranking: FoldedUser
    ordered_by: HeadName = "ranking"

    @property
    def ordering(self) -> tuple[Head, FoldedUser]:
        """The head that orders the list, and the user in its space."""
        if self.ordered_by == "rating":
            return self.served.model.rating, self.rating
        return self.served.model.ranking, self.ranking


def inline_history(ratings: Sequence[InlineRating]) -> RatingHistory:
    """Read the ratings of a request."""
    stars = {rating.movie_id: rating.value for rating in ratings}
    if len(stars) < len(ratings):
        error = field_error(
            "body", "ratings", code="repeated", message="Rate each movie once"
        )
        raise InvalidRequest(errors=[error])
    return RatingHistory(stars)


async def read_history(
    session: AsyncSession, user_id: int, *, vote_weight: float
) -> RatingHistory:
    """Read a user's ratings and votes; a weight of 0 leaves votes out."""
    reader = await queries.reader(session, user_id)
    if reader is None:
        raise NotFound
    return history_in(reader, vote_weight=vote_weight)


def history_in(reader: AnyRow, *, vote_weight: float) -> RatingHistory:
    """Read the history from a row of `queries.recommendations.reader`."""
    stars = dict(zip(reader.movie_ids, reader.values, strict=True))
    if vote_weight == 0:
        return RatingHistory(stars)
    votes = {
        movie_id: LIKED if is_like else DISLIKED
        for movie_id, is_like in zip(reader.held, reader.are_held_likes, strict=True)
    }
    return RatingHistory(stars, votes, vote_weight)


def known_to(model: Model, history: RatingHistory) -> KnownRatings:
    """Keep the movies that a model knows; clip votes to its scale."""
    lowest, highest = model.rating_range
    values = [*history.stars.values()]
    values += [min(max(value, lowest), highest) for value in history.votes.values()]
    movie_ids = np.array([*history.stars, *history.votes], dtype=np.int64)
    indices = model.item_indices_of(movie_ids)
    is_known = indices >= 0
    n_rated = int(is_known[: len(history.stars)].sum())
    weights = None
    if history.votes:
        weights = np.ones(is_known.sum(), dtype=np.float32)
        weights[n_rated:] = history.vote_weight
    return KnownRatings(
        movie_ids=movie_ids[is_known].tolist(),
        n_rated=n_rated,
        indices=indices[is_known],
        values=np.array(values, dtype=np.float32)[is_known],
        weights=weights,
    )


def profile_in(
    served: ServedModel, history: RatingHistory, *, ordered_by: HeadName = "ranking"
) -> UserProfile:
    """Fold a user into both heads."""
    known = known_to(served.model, history)
    return UserProfile(
        served=served,
        history=history,
        known=known,
        rating=known.taste(served.model.rating),
        ranking=known.taste(served.model.ranking),
        ordered_by=ordered_by,
    )


def personalization(
    history: RatingHistory, *, n_used: int = 0, n_votes: int = 0
) -> Personalization:
    """Say how much of a user's own taste a list can hold."""
    level = (
        "full" if n_used >= FULL_PERSONALIZATION else "partial" if n_used else "none"
    )
    return Personalization.model_validate(
        {
            "level": level,
            "n_ratings": len(history.stars),
            "n_ratings_used": n_used,
            "n_votes_used": n_votes,
        }
    )
