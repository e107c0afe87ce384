"""Recommendations: fold in the ratings of now, rank all movies, say why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import movies as movie_queries
from api.queries.movies import Filters
from api.schemas.base import HeadName
from api.schemas.movies import MovieOut
from api.schemas.recommendations import InlineRating, Recommendation, Recommendations
from api.services.model_store import ServedModel
from api.services.profiles import (
    RatingHistory,
    StarsByMovie,
    UserProfile,
    inline_history,
    personalization,
    profile_in,
)
from api.storage.database import AnyRow
from api.telemetry.observability import stage
from api.web.problems import NotFound
from engine.arrays import IndexVector
from engine.serving.explanation import reason_shares
from engine.serving.fold_in import predict, uncertainty
from engine.serving.ranking import (
    POOL_SIZE,
    diversified,
    explored,
    similar_items,
    top_k,
)

MAX_REASONS = 3
SIMILAR_TIMES = 3  # as many as asked for are close enough to be chosen from

MovieRows = Mapping[int, AnyRow]


@dataclass(frozen=True)
class ListRequest:
    """What a list may contain, and how much of it."""

    filters: Filters
    excluded: tuple[int, ...]
    limit: int
    head: HeadName = "ranking"  # which one orders the list
    similar_to: int | None = None  # only movies liked by the same people as this one
    diversity: float = 0
    exploration: float = 0
    is_own_choice: bool = False  # of diversity or exploration, by the reader


@dataclass(frozen=True)
class Ranked:
    """The movies of a list, best first, with all that a model says of them.

    Reasons are (movie id, share of the score), the largest ones of each movie.
    """

    movie_ids: list[int]
    scores: list[float]
    predicted: list[float]
    deviations: list[float]
    reasons: list[list[tuple[int, float]]]
    n_used: int  # of the ratings
    n_votes: int


async def for_ratings(
    session: AsyncSession,
    served: ServedModel | None,
    *,
    ratings: Sequence[InlineRating],
    wanted: ListRequest,
) -> Recommendations:
    """Recommend to somebody who is not in the database; nothing is stored."""
    return await recommend(
        session, served, history=inline_history(ratings), wanted=wanted
    )


async def recommend(
    session: AsyncSession,
    served: ServedModel | None,
    *,
    history: RatingHistory,
    wanted: ListRequest,
) -> Recommendations:
    """Make one list, with the model or, while there is none, by popularity."""
    wanted = replace(wanted, excluded=(*history.stars, *wanted.excluded))
    if served is None:
        return await _by_popularity(session, history=history, wanted=wanted)
    candidates = await _candidates(session, served, wanted)
    ranked = _remembered(served, history, wanted, candidates)
    with stage("describe"):
        return await _describe(session, served, history, ranked)


async def _candidates(
    session: AsyncSession, served: ServedModel, wanted: ListRequest
) -> IndexVector | None:
    """Find the items a list may be made of; None means all."""
    candidates = None
    if wanted.filters.are_set:
        ids = await movie_queries.ids(session, wanted.filters)
        candidates = _known(served, ids)
    if wanted.similar_to is None:
        return candidates
    index = served.item_index_of(wanted.similar_to)
    if index is None:
        raise NotFound("the model does not know the movie of similar_to")
    return similar_items(
        served.model.ranking,
        index,
        SIMILAR_TIMES * wanted.limit,
        excluded=_known(served, wanted.excluded),
        candidates=candidates,
    )[0]


def _remembered(
    served: ServedModel,
    history: RatingHistory,
    wanted: ListRequest,
    candidates: IndexVector | None,
) -> Ranked:
    """Rank, unless this very question was asked of this model before.

    The question holds all that the answer depends on, so it can never be stale. Which
    movies pass a filter is not part of it: others may rate them meanwhile.
    """

    def rank() -> Ranked:
        with stage("fold_in"):
            profile = profile_in(served, history, ordered_by=wanted.head)
        with stage("rank"):
            return _judged(profile, _ranked(profile, wanted, candidates))

    if wanted.filters.are_set:
        return rank()
    question = (*history.parts, wanted)
    return served.remembered(question, rank)


def _ranked(
    profile: UserProfile, wanted: ListRequest, candidates: IndexVector | None
) -> IndexVector:
    """Order the best items, and make something else of them if that is wanted."""
    head, folded_user = profile.ordering
    scores = head.scores(folded_user)
    is_plain = wanted.diversity == wanted.exploration == 0
    n_best = wanted.limit if is_plain else POOL_SIZE
    excluded = _known(profile.served, wanted.excluded)
    best = top_k(scores, n_best, excluded=excluded, candidates=candidates)
    if is_plain:
        return best
    # Doubt in stars: the variance of a ranking head means nothing.
    doubts = uncertainty(profile.served.model.rating, profile.rating, best)
    relevance = explored(scores[best], doubts, exploration=wanted.exploration)
    return diversified(head, best, relevance, wanted.limit, diversity=wanted.diversity)


def _known(served: ServedModel, movie_ids: Sequence[int]) -> IndexVector:
    indices = served.model.item_indices_of(movie_ids)
    return indices[indices >= 0]


def _judged(profile: UserProfile, indices: IndexVector) -> Ranked:
    """Say what the model expects of the movies of a list, and why."""
    model, known = profile.served.model, profile.known
    predicted = predict(model.rating, profile.rating, indices)
    return Ranked(
        movie_ids=model.item_ids[indices].tolist(),
        scores=predict(*profile.ordering, indices).tolist(),
        predicted=np.clip(predicted, *model.rating_range).tolist(),
        deviations=uncertainty(model.rating, profile.rating, indices).tolist(),
        reasons=shares_of(profile, indices, most=MAX_REASONS),
        n_used=known.n_rated,
        n_votes=known.n_votes,
    )


async def _describe(
    session: AsyncSession, served: ServedModel, history: RatingHistory, ranked: Ranked
) -> Recommendations:
    shown = {*ranked.movie_ids, *(id_ for row in ranked.reasons for id_, _ in row)}
    movies = await movie_queries.summaries(session, list(shown))
    rows = zip(
        ranked.movie_ids, ranked.scores, ranked.predicted, ranked.deviations,
        ranked.reasons, strict=True,
    )  # fmt: skip
    there = [row for row in rows if row[0] in movies]  # some may have gone since
    # Validated all at once, which takes two thirds of the time of one by one.
    items = [
        {
            "movie": movies[movie_id],
            "rank": rank,
            "score": score,
            "predicted_rating": round(predicted, 2),
            "uncertainty": round(deviation, 2),
            "reasons": reasons_by(history.stars, movies, row),
        }
        for rank, (movie_id, score, predicted, deviation, row) in enumerate(
            there, start=1
        )
    ]
    return Recommendations.model_validate(
        {
            "recommendation_id": None,
            "model": served.reference,
            "experiment": None,
            "personalization": personalization(
                history, n_used=ranked.n_used, n_votes=ranked.n_votes
            ),
            "items": items,
        }
    )


def shares_of(
    profile: UserProfile, indices: IndexVector, *, most: int | None = None
) -> list[list[tuple[int, float]]]:
    """List (movie id, share of the score) of the ratings that speak for each item.

    The largest share comes first; no more than `most` are listed.
    """
    known = profile.known
    shares = reason_shares(*profile.ordering, indices)[: known.n_rated]
    shares = shares.astype(np.float32)
    order = np.argsort(-shares, axis=0, kind="stable")[:most]
    falling = np.take_along_axis(shares, order, axis=0)
    return [
        [(known.movie_ids[j], share) for j, share in row if share > 0]
        for row in map(zip, order.T.tolist(), falling.T.tolist())
    ]


def reasons_by(
    stars: StarsByMovie, movies: MovieRows, shares: Sequence[tuple[int, float]]
) -> list[dict[str, Any]]:
    """Write the fields of `Reason` for each share."""
    return [
        {
            "movie_id": movie_id,
            "title": movies[movie_id].title,
            "year": movies[movie_id].year,
            "value": stars[movie_id],
            "share": share,
        }
        for movie_id, share in shares
        if movie_id in movies
    ]


async def _by_popularity(
    session: AsyncSession, *, history: RatingHistory, wanted: ListRequest
) -> Recommendations:
    movie_ids = await movie_queries.most_rated(
        session,
        wanted.filters,
        excluded=wanted.excluded,
        limit=wanted.limit,
    )
    movies = await movie_queries.summaries(session, movie_ids)
    items = [
        Recommendation(
            movie=MovieOut.model_validate(movies[movie_id]),
            rank=rank,
            score=None,
            predicted_rating=None,
            uncertainty=None,
            reasons=[],
        )
        for rank, movie_id in enumerate(movie_ids, start=1)
    ]
    return Recommendations(
        recommendation_id=None,
        model=None,
        experiment=None,
        personalization=personalization(history),
        items=items,
    )
