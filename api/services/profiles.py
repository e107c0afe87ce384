"""A user in a model: their history folded in, and the movies it ranks for them.

A vote on a movie is read as stars (`queries.feedback.LIKED`, `DISLIKED`) that count for
less than a rating, by `vote_weight`; stars that the user gave override it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import recommendations as queries
from api.queries.feedback import DISLIKED, LIKED
from api.queries.movies import Filters
from api.schemas.base import HeadName
from api.schemas.recommendations import InlineRating, ListOptions, Personalization
from api.services import movies
from api.services.model_store import ServedModel
from api.storage.database import AnyRow
from api.telemetry.observability import stage
from api.web.problems import NotFound, invalid
from engine.arrays import FloatVector, IndexVector
from engine.model.heads import Head, Model
from engine.model.users import FoldedUser
from engine.serving.explanation import reason_shares
from engine.serving.fold_in import expected_ratings, fold_in, predict, uncertainty
from engine.serving.ranking import (
    POOL_SIZE,
    diversified,
    explored,
    similar_items,
    top_k,
)

FULL_PERSONALIZATION = 10
MAX_REASONS = 3
SIMILAR_TIMES = 3  # a list of similar movies is chosen from this many times its length

StarsByMovie = Mapping[int, float]
Shares = Sequence[tuple[int, float]]
"""Movie ids, and the share of a score that each movie's rating contributes."""


@dataclass(frozen=True)
class ListRequest:
    """The content of a list: filters, order and length."""

    filters: Filters = field(default_factory=Filters)
    excluded: tuple[int, ...] = ()
    limit: int = 20
    head: HeadName = "ranking"  # the head that orders the list
    similar_to: int | None = None  # only movies liked by the same people as this one
    diversity: float = 0
    exploration: float = 0
    is_own_choice: bool = False  # the reader chose diversity or exploration


def list_request(options: ListOptions) -> ListRequest:
    """Read what list a client asks for."""
    return ListRequest(
        filters=movies.filters(options, max_ratings=options.max_ratings),
        excluded=tuple(options.exclude),
        limit=options.limit,
        similar_to=options.similar_to,
        diversity=options.diversity or 0,
        exploration=options.exploration or 0,
        is_own_choice=(options.diversity, options.exploration) != (None, None),
    )


@dataclass(frozen=True)
class RatingHistory:
    """A user's stars, and their votes on other movies, read as stars."""

    stars: StarsByMovie
    votes: StarsByMovie = field(default_factory=dict)
    vote_weight: float = 0  # above 0 where there are votes
    hidden: Sequence[int] = ()


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
        """Number of votes among them."""
        return len(self.movie_ids) - self.n_rated

    def folded_user(self, head: Head) -> FoldedUser:
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

    def best(self, request: ListRequest, candidates: IndexVector | None) -> IndexVector:
        """Order the best items, with the diversity and exploration of the request."""
        head, folded_user = self.ordering
        scores = head.scores(folded_user)
        is_plain = request.diversity == request.exploration == 0
        n_best = request.limit if is_plain else POOL_SIZE
        excluded = known_items(self.served.model, request.excluded)
        best = top_k(scores, n_best, excluded=excluded, candidates=candidates)
        if is_plain:
            return best
        # In stars: the posterior variance of a ranking head has no such unit.
        deviations = uncertainty(self.served.model.rating, self.rating, best)
        relevance = explored(scores[best], deviations, exploration=request.exploration)
        return diversified(
            head, best, relevance, request.limit, diversity=request.diversity
        )

    def expected(self, indices: IndexVector) -> tuple[list[float], list[float]]:
        """Predict the stars of items, within the scale, and standard deviations."""
        model = self.served.model
        expected = expected_ratings(model.rating, self.rating, indices)
        return (
            np.clip(expected, *model.rating_range).tolist(),
            uncertainty(model.rating, self.rating, indices).tolist(),
        )

    def shares(self, indices: IndexVector, *, most: int | None = None) -> list[Shares]:
        """List the ratings that raise the score of each item, the largest share first.

        Each item has at most `most` of them.
        """
        shares = reason_shares(*self.ordering, indices)[: self.known.n_rated]
        shares = shares.astype(np.float32)
        order = np.argsort(-shares, axis=0, kind="stable")[:most]
        falling = np.take_along_axis(shares, order, axis=0)
        return [
            [(self.known.movie_ids[j], share) for j, share in row if share > 0]
            for row in map(zip, order.T.tolist(), falling.T.tolist())
        ]


@dataclass(frozen=True)
class RankedMovie:
    """One movie of a list, with everything that the model says about it."""

    id: int
    score: float
    predicted: float
    deviation: float
    shares: Shares


def rank(
    served: ServedModel,
    history: RatingHistory,
    request: ListRequest,
    passing: Sequence[int] | None,
) -> tuple[UserProfile, list[RankedMovie]]:
    """Fold a user in and rank for them the movies that pass the filters.

    `passing` holds the ids of these movies; `None` means that all movies pass.
    """
    with stage("fold_in"):
        profile = profile_in(served, history, ordered_by=request.head)
    with stage("rank"):
        best = profile.best(request, _candidates(served, request, passing))
        columns = zip(
            served.model.item_ids[best].tolist(),
            predict(*profile.ordering, best).tolist(),
            *profile.expected(best),
            profile.shares(best, most=MAX_REASONS),
            strict=True,
        )
        return profile, [RankedMovie(*movie) for movie in columns]


def _candidates(
    served: ServedModel, request: ListRequest, passing: Sequence[int] | None
) -> IndexVector | None:
    candidates = None if passing is None else known_items(served.model, passing)
    if request.similar_to is None:
        return candidates
    index = served.item_index_of(request.similar_to)
    if index is None:
        raise NotFound(
            f"model {served.id} does not know movie {request.similar_to} of similar_to"
        )
    return similar_items(
        served.model.ranking,
        index,
        SIMILAR_TIMES * request.limit,
        excluded=known_items(served.model, request.excluded),
        candidates=candidates,
    )[0]


def known_items(model: Model, movie_ids: Sequence[int]) -> IndexVector:
    """Find the rows of the movies that a model knows."""
    indices = model.item_indices_of(movie_ids)
    return indices[indices >= 0]


def inline_history(ratings: Sequence[InlineRating]) -> RatingHistory:
    """Read the ratings of a request."""
    stars = {rating.movie_id: rating.value for rating in ratings}
    if len(stars) < len(ratings):
        raise invalid(
            "body", "ratings", code="repeated", message="Rate each movie once"
        )
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
    """Take the history from a row of `queries.recommendations.reader`."""
    stars = dict(zip(reader.movie_ids, reader.values, strict=True))
    if vote_weight == 0:
        return RatingHistory(stars, hidden=reader.hidden)
    votes = {
        movie_id: LIKED if is_like else DISLIKED
        for movie_id, is_like in zip(reader.held, reader.are_held_likes, strict=True)
    }
    return RatingHistory(stars, votes, vote_weight, hidden=reader.hidden)


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
        rating=known.folded_user(served.model.rating),
        ranking=known.folded_user(served.model.ranking),
        ordered_by=ordered_by,
    )


def personalization(
    history: RatingHistory, known: KnownRatings | None = None
) -> Personalization:
    """Say on how many ratings and votes of the user a list is based."""
    n_used = known.n_rated if known else 0
    return Personalization(
        level="full"
        if n_used >= FULL_PERSONALIZATION
        else "partial"
        if n_used
        else "none",
        n_ratings=len(history.stars),
        n_ratings_used=n_used,
        n_votes_used=known.n_votes if known else 0,
    )
