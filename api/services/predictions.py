"""What a user would think of any movie, why, and what their ratings do to a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import feedback as feedback_queries
from api.queries import movies as movie_queries
from api.queries.movies import Filters
from api.schemas.movies import MovieOut
from api.schemas.recommendations import (
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
from api.services.placement import Placement, Told, inline, place, told_by
from api.services.recommendations import reasons_by, shares_of
from api.web import cursors
from api.web.problems import NotFound
from engine.arrays import FloatVector, IndexVector
from engine.serving.explanation import reason_shares, reasons
from engine.serving.fold_in import predict, uncertainty
from engine.serving.ranking import top_k

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
    session: AsyncSession,
    store: ModelStore,
    *,
    user_id: int,
    vote_weight: float,
    wanted: Wanted,
) -> PredictionPage:
    """Read one page of predictions by the model that makes the user's lists."""
    placement = await _placement(
        session, store, user_id=user_id, vote_weight=vote_weight
    )
    return await _page(session, placement, wanted)


async def page_for_ratings(
    session: AsyncSession,
    served: ServedModel | None,
    *,
    ratings: Sequence[InlineRating],
    wanted: Wanted,
) -> PredictionPage:
    """Read one page of predictions for somebody who is not in the database."""
    told = inline(ratings)
    placement = place(served, told) if served else None
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
    session: AsyncSession, store: ModelStore, *, user_id: int, vote_weight: float
) -> Placement | None:
    """Place a user in the model that makes their lists, if there is one."""
    told = await told_by(session, user_id, vote_weight=vote_weight)
    found = await experiments.assigned(session, store, user_id=user_id)
    served = found.served if found else store.current
    if served is None:
        return None
    return place(served, told, ordered_by=found.head if found else "ranking")


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
    model, folded_user = placement.served.model, placement.rating
    movie_ids = model.item_ids[ranked].tolist()
    predicted = np.clip(predict(model.rating, folded_user, ranked), *model.rating_range)
    deviations = uncertainty(model.rating, folded_user, ranked)
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
    session: AsyncSession, store: ModelStore, *, user_id: int, vote_weight: float
) -> Influence:
    """Say how much of a user's list each of their ratings makes.

    A score is exactly a sum over the ratings (`engine.reasons`), so the
    absolute shares of one rating in the first scores, over those of all and of votes,
    tell its weight.
    """
    placement = await _placement(
        session, store, user_id=user_id, vote_weight=vote_weight
    )
    if placement is None:
        return Influence(model=None, votes=0, items=[])
    hidden = await feedback_queries.hidden_of(session, user_id)
    head, folded_user = placement.ordering
    seen = placement.served.model.item_indices_of([*placement.told.stars, *hidden])
    ranked = top_k(head.scores(folded_user), N_INFLUENCED, excluded=seen[seen >= 0])
    known = placement.known
    parts = np.abs(reason_shares(head, folded_user, ranked)).sum(axis=1)
    shares = parts / (parts.sum() or 1)
    return Influence(
        model=placement.served.reference,
        votes=float(shares[known.n_rated :].sum()),
        items=[
            RatingInfluence(movie_id=known.movie_ids[j], share=float(shares[j]))
            for j in np.argsort(-shares[: known.n_rated], kind="stable").tolist()
        ],
    )


async def explain(
    session: AsyncSession,
    store: ModelStore,
    *,
    user_id: int,
    vote_weight: float,
    movie_id: int,
) -> Explanation:
    """Take a predicted rating apart, by the model that makes the user's lists."""
    placement = await _placement(
        session, store, user_id=user_id, vote_weight=vote_weight
    )
    return await _explained(session, placement, movie_id)


async def explain_to(
    session: AsyncSession, served: ServedModel | None, *, told: Told, movie_id: int
) -> Explanation:
    """Take a predicted rating of somebody who told this apart, by one model."""
    placement = place(served, told) if served else None
    return await _explained(session, placement, movie_id)


async def _explained(
    session: AsyncSession, placement: Placement | None, movie_id: int
) -> Explanation:
    index = placement.served.item_index_of(movie_id) if placement else None
    if placement is None or index is None:
        raise NotFound("no model knows this movie yet")
    model, folded_user = placement.served.model, placement.rating
    item = np.array([index], dtype=np.int32)
    rating = float(predict(model.rating, folded_user, item)[0])
    parts = reasons(model.rating, folded_user, index)
    votes = float(parts.shares[placement.known.n_rated :].sum())
    (shares,) = shares_of(placement, item)
    movies = await movie_queries.summaries(session, [movie_id, *dict(shares)])
    if movie_id not in movies:
        raise NotFound
    return Explanation(
        movie=MovieOut.model_validate(movies[movie_id]),
        model=placement.served.reference,
        predicted_rating=float(np.clip(rating, *model.rating_range)),
        unclipped_rating=rating,
        uncertainty=float(uncertainty(model.rating, folded_user, item)[0]),
        contributions=Contributions(
            global_mean=model.rating.global_mean,
            movie_bias=parts.baseline - model.rating.global_mean,
            ratings=rating - parts.baseline - votes,
            votes=votes,
        ),
        reasons=[
            Reason(**row) for row in reasons_by(placement.told.stars, movies, shares)
        ],
    )
