"""What a user would think of any movie, and what their ratings do to their list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api import cursors
from api.model_store import ModelStore, ServedModel
from api.queries import feedback as feedback_queries
from api.queries import movies as movie_queries
from api.queries.movies import Filters
from api.schemas.movies import MovieOut
from api.schemas.recommendations import (
    Influence,
    InlineRating,
    Prediction,
    PredictionPage,
    RatingInfluence,
)
from api.services import experiments
from api.services.placement import Placement, inline_stars, place, stars_of
from engine.arrays import FloatVector, IndexVector
from engine.foldin import predict, reason_shares, uncertainty
from engine.ranking import top_k

N_INFLUENCED = 20


@dataclass(frozen=True)
class Wanted:
    """Which predictions; no movie ids mean all movies that pass the filters."""

    filters: Filters
    movie_ids: Sequence[int]
    limit: int
    cursor: str | None
    where: Literal["query", "body"] = "query"  # of the cursor


async def page(
    session: AsyncSession, store: ModelStore, *, user_id: int, wanted: Wanted
) -> PredictionPage:
    """Read one page of predictions by the model that makes the user's lists."""
    placement = await _placement(session, store, user_id=user_id)
    return await _page(session, placement, wanted)


async def page_for_ratings(
    session: AsyncSession,
    served: ServedModel | None,
    *,
    ratings: Sequence[InlineRating],
    wanted: Wanted,
) -> PredictionPage:
    """Read one page of predictions for somebody who is not in the database."""
    stars = inline_stars(ratings)
    placement = place(served, stars) if served else None
    return await _page(session, placement, wanted)


async def _page(
    session: AsyncSession, placement: Placement | None, wanted: Wanted
) -> PredictionPage:
    """Rank what is wanted below the last score of the page before.

    Ratings given in between move scores, so a movie may come again or be missed.
    """
    after = None
    if wanted.cursor is not None:
        after = cursors.decode(wanted.cursor, float, int, where=wanted.where)
    if placement is None:
        return PredictionPage(model=None, items=[], next_cursor=None)
    head = placement.served.model.rating
    scores = head.scores(placement.rating)
    is_wanted = await _mask(session, placement, wanted)
    if after is not None:
        ids = placement.served.model.item_ids
        is_wanted &= (scores < after[0]) | ((scores == after[0]) & (ids > after[1]))
    ranked = top_k(scores, wanted.limit + 1, candidates=np.flatnonzero(is_wanted))
    return PredictionPage(
        model=placement.served.reference,
        items=await _described(session, placement, ranked[: wanted.limit]),
        next_cursor=_cursor(placement, scores, ranked, limit=wanted.limit),
    )


async def _placement(
    session: AsyncSession, store: ModelStore, *, user_id: int
) -> Placement | None:
    """Place a user in the model that makes their lists, if there is one."""
    stars = await stars_of(session, user_id)
    found = await experiments.assigned(session, store, user_id=user_id)
    served = found.served if found else store.current
    if served is None:
        return None
    return place(served, stars, ordered_by=found.head if found else "ranking")


async def _mask(
    session: AsyncSession, placement: Placement, wanted: Wanted
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for every item of the model whether it is wanted."""
    model = placement.served.model
    is_wanted = np.ones(model.n_items, dtype=np.bool_)
    if wanted.movie_ids:
        is_wanted &= np.isin(model.item_ids, wanted.movie_ids)
    if wanted.filters.are_set:
        ids = await movie_queries.ids(session, wanted.filters)
        is_wanted &= np.isin(model.item_ids, ids)
    return is_wanted


def _cursor(
    placement: Placement, scores: FloatVector, ranked: IndexVector, *, limit: int
) -> str | None:
    if len(ranked) <= limit:
        return None
    last = ranked[limit - 1]
    return cursors.encode(
        float(scores[last]), int(placement.served.model.item_ids[last])
    )


async def _described(
    session: AsyncSession, placement: Placement, ranked: IndexVector
) -> list[Prediction]:
    model, taste = placement.served.model, placement.rating
    movie_ids = model.item_ids[ranked].tolist()
    predicted = np.clip(predict(model.rating, taste, ranked), *model.rating_range)
    deviations = uncertainty(model.rating, taste, ranked)
    movies = await movie_queries.summaries(session, movie_ids)
    return [
        Prediction(
            movie=MovieOut.model_validate(movies[movie_id]),
            predicted_rating=round(stars, 2),
            uncertainty=round(deviation, 2),
        )
        for movie_id, stars, deviation in zip(
            movie_ids, predicted.tolist(), deviations.tolist(), strict=True
        )
        if movie_id in movies  # some may have gone since
    ]


async def influence(
    session: AsyncSession, store: ModelStore, *, user_id: int
) -> Influence:
    """Say how much of a user's list each of their ratings makes.

    A score is exactly a sum over the ratings (`engine.foldin.reasons`), so the absolute
    shares of one rating in the first scores, over those of all, tell its weight.
    """
    placement = await _placement(session, store, user_id=user_id)
    if placement is None:
        return Influence(model=None, items=[])
    hidden = await feedback_queries.hidden_of(session, user_id)
    head, taste = placement.ordering
    seen = placement.served.model.item_indices_of([*placement.movie_ids, *hidden])
    ranked = top_k(head.scores(taste), N_INFLUENCED, excluded=seen[seen >= 0])
    parts = np.abs(reason_shares(head, taste, ranked)).sum(axis=1)
    shares = parts / (parts.sum() or 1)
    return Influence(
        model=placement.served.reference,
        items=[
            RatingInfluence(movie_id=placement.movie_ids[j], share=float(shares[j]))
            for j in np.argsort(-shares, kind="stable").tolist()
        ],
    )
