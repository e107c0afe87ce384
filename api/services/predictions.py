"""Predicted stars of any movie, the reasons, and the influence of each rating."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import movies as movie_queries
from api.queries.movies import Filters
from api.schemas.movies import MovieOut
from api.schemas.recommendations import (
    Chance,
    Contributions,
    Explanation,
    Influence,
    InlineRating,
    Prediction,
    PredictionPage,
    RatingInfluence,
    Reason,
)
from api.services import experiments
from api.services.model_store import ModelStore, ServedModel
from api.services.profiles import (
    UserProfile,
    inline_history,
    known_items,
    profile_in,
    read_history,
)
from api.services.recommendations import reasons_by
from api.web import cursors
from api.web.problems import NotFound
from engine.arrays import FloatVector, IndexVector
from engine.serving.explanation import reason_shares, reasons
from engine.serving.fold_in import level_chances, predict
from engine.serving.ranking import top_k

N_INFLUENCED = 20


@dataclass(frozen=True)
class PredictionRequest:
    """Which predictions; no movie ids mean all movies that pass the filters."""

    filters: Filters
    movie_ids: Sequence[int]
    limit: int
    cursor: str | None
    where: Literal["query", "body"] = "query"  # where the cursor is


async def user_profile(
    session: AsyncSession, store: ModelStore, *, user_id: int, vote_weight: float
) -> UserProfile | None:
    """Fold a user into the model that makes their lists, if there is one."""
    history = await read_history(session, user_id, vote_weight=vote_weight)
    found = await experiments.assigned(session, store, user_id=user_id)
    served = found.served if found else store.current
    if served is None:
        return None
    return profile_in(served, history, ordered_by=found.head if found else "ranking")


def inline_profile(
    served: ServedModel | None, ratings: Sequence[InlineRating]
) -> UserProfile | None:
    """Fold a user who is not in the database into a model, if there is one."""
    history = inline_history(ratings)
    return profile_in(served, history) if served else None


async def page(
    session: AsyncSession, profile: UserProfile | None, request: PredictionRequest
) -> PredictionPage:
    """Rank the wanted movies below the last score of the previous page.

    A rating given in between changes scores, so a movie may repeat or be missed.
    """
    after = None
    if request.cursor is not None:
        after = cursors.decode(request.cursor, float, int, where=request.where)
    if profile is None:
        return PredictionPage(model=None, items=[], next_cursor=None)
    head = profile.served.model.rating
    scores = head.scores(profile.rating)
    is_wanted = await _mask(session, profile, request)
    if after is not None:
        ids = profile.served.model.item_ids
        is_wanted &= (scores < after[0]) | ((scores == after[0]) & (ids > after[1]))
    ranked = top_k(scores, request.limit + 1, candidates=np.flatnonzero(is_wanted))
    return PredictionPage(
        model=profile.served.reference,
        items=await _described(session, profile, ranked[: request.limit]),
        next_cursor=_cursor(profile, scores, ranked, limit=request.limit),
    )


async def _mask(
    session: AsyncSession, profile: UserProfile, request: PredictionRequest
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for every item of the model whether the request wants it."""
    model = profile.served.model
    is_wanted = np.ones(model.n_items, dtype=np.bool_)
    if request.movie_ids:
        is_wanted &= np.isin(model.item_ids, request.movie_ids)
    if request.filters.are_set:
        ids = await movie_queries.ids(session, request.filters)
        is_wanted &= np.isin(model.item_ids, ids)
    return is_wanted


def _cursor(
    profile: UserProfile, scores: FloatVector, ranked: IndexVector, *, limit: int
) -> str | None:
    if len(ranked) <= limit:
        return None
    last = ranked[limit - 1]
    return cursors.encode(float(scores[last]), int(profile.served.model.item_ids[last]))


async def _described(
    session: AsyncSession, profile: UserProfile, ranked: IndexVector
) -> list[Prediction]:
    movie_ids = profile.served.model.item_ids[ranked].tolist()
    movies = await movie_queries.summaries(session, movie_ids)
    return [
        Prediction(
            movie=MovieOut.model_validate(movies[movie_id]),
            predicted_rating=round(stars, 2),
            uncertainty=round(deviation, 2),
        )
        for movie_id, stars, deviation in zip(
            movie_ids, *profile.expected(ranked), strict=True
        )
        if movie_id in movies  # some may have been deleted
    ]


def influence(profile: UserProfile | None) -> Influence:
    """Measure the influence of each rating on a user's list.

    A score is exactly a sum over ratings and votes (`engine.reasons`). The influence of
    a rating is the sum of its absolute shares in the first scores, over that of all
    ratings and votes.
    """
    if profile is None:
        return Influence(model=None, votes=0, items=[])
    head, folded_user = profile.ordering
    seen = [*profile.history.stars, *profile.history.hidden]
    excluded = known_items(profile.served.model, seen)
    ranked = top_k(head.scores(folded_user), N_INFLUENCED, excluded=excluded)
    known = profile.known
    parts = np.abs(reason_shares(head, folded_user, ranked)).sum(axis=1)
    shares = parts / (parts.sum() or 1)
    return Influence(
        model=profile.served.reference,
        votes=float(shares[known.n_rated :].sum()),
        items=[
            RatingInfluence(movie_id=known.movie_ids[j], share=float(shares[j]))
            for j in np.argsort(-shares[: known.n_rated], kind="stable").tolist()
        ],
    )


async def explain(
    session: AsyncSession, profile: UserProfile | None, *, movie_id: int
) -> Explanation:
    """Explain a predicted rating."""
    index = profile.served.item_index_of(movie_id) if profile else None
    if profile is None or index is None:
        raise NotFound("No model knows this movie yet")
    model, folded_user = profile.served.model, profile.rating
    item = np.array([index], dtype=np.int32)
    (rating,) = predict(model.rating, folded_user, item).tolist()
    (expected,), (deviation,) = profile.expected(item)
    (chances,) = level_chances(model.rating, folded_user, item).tolist()
    parts = reasons(model.rating, folded_user, index)
    votes = float(parts.shares[profile.known.n_rated :].sum())
    (shares,) = profile.shares(item)
    movies = await movie_queries.summaries(session, [movie_id, *dict(shares)])
    if movie_id not in movies:
        raise NotFound
    return Explanation(
        movie=MovieOut.model_validate(movies[movie_id]),
        model=profile.served.reference,
        predicted_rating=expected,
        unclipped_rating=rating,
        uncertainty=deviation,
        chances=[
            Chance(stars=stars, probability=probability)
            for stars, probability in zip(
                model.rating.levels.values.tolist(), chances, strict=True
            )
        ],
        contributions=Contributions(
            global_mean=model.rating.global_mean,
            movie_bias=parts.baseline - model.rating.global_mean,
            ratings=rating - parts.baseline - votes,
            votes=votes,
            scale=expected - rating,
        ),
        reasons=[
            Reason(**row) for row in reasons_by(profile.history.stars, movies, shares)
        ],
    )
