"""Insights: what all ratings together show."""

import time
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from api.database import AnyRow
from api.queries import insights as queries
from api.queries import movies as movie_queries
from api.queries import training as training_queries
from api.schemas.insights import (
    GenreInsight,
    GenreInsights,
    MonthCount,
    PolarizingMovie,
    PolarizingMovies,
    PopularityInsights,
    RatingInsights,
)
from api.schemas.movies import HistogramBin, MovieOut

N_TOP = 10
HALF_STARS = [step / 2 for step in range(1, 11)]
# Summaries are made at most so often, and for at most a twentieth of the time.
LEAST_AGE = timedelta(seconds=60)
SHARE_OF_TIME = 20


async def ratings(session: AsyncSession) -> RatingInsights:
    """Tell of all ratings from the summary, or by counting while there is none."""
    row = await queries.summary(session)
    document = row.document if row else await queries.summarize(session)
    counts = dict(document["values"])
    return RatingInsights(
        as_of=row.computed_at if row else datetime.now(UTC),
        n_ratings=sum(counts.values()),
        n_users=sum(n for _, n in document["user_means"]),
        distribution=[
            HistogramBin(value=value, count=counts.get(value, 0))
            for value in HALF_STARS
        ],
        activity=[MonthCount(month=month, count=n) for month, n in document["months"]],
        strictness=[
            HistogramBin(value=mean, count=n) for mean, n in document["user_means"]
        ],
    )


async def refresh_summary(session: AsyncSession) -> bool:
    """Count all ratings anew if they changed and the last time was not just now."""
    n_changes = await training_queries.n_changes(session)
    row = await queries.summary(session)
    if row is not None:
        wait = max(LEAST_AGE, SHARE_OF_TIME * timedelta(seconds=row.seconds))
        is_fresh = datetime.now(UTC) - row.computed_at < wait
        if is_fresh or row.n_changes == n_changes:
            return False
    began = time.perf_counter()
    await queries.without_time_limit(session)
    document = await queries.summarize(session)
    seconds = time.perf_counter() - began
    await queries.keep_summary(session, document, n_changes=n_changes, seconds=seconds)
    await session.commit()
    return True


async def popularity(session: AsyncSession) -> PopularityInsights:
    """Tell how ratings spread over movies, and which have most."""
    rows = await queries.sizes(session)
    ids = await queries.most_rated(session, N_TOP)
    movies = await movie_queries.summaries(session, ids)
    return PopularityInsights(
        n_ratings=[row.n_ratings for row in rows],
        n_movies=[row.n_movies for row in rows],
        top=[MovieOut.model_validate(movies[movie_id]) for movie_id in ids],
    )


async def genres(session: AsyncSession) -> GenreInsights:
    """Tell how movies, ratings and mean ratings spread over genres."""
    return GenreInsights(
        items=[
            GenreInsight(
                name=row.name,
                n_movies=row.n_movies,
                n_ratings=row.n_ratings,
                mean_rating=row.half_stars / (2 * row.n_ratings)
                if row.n_ratings
                else None,
            )
            for row in await queries.genres(session)
        ]
    )


async def polarizing(
    session: AsyncSession,
    *,
    by: Literal["variance", "excess"],
    min_ratings: int,
    limit: int,
) -> PolarizingMovies:
    """List the movies on which opinions differ most."""
    usual = await queries.dispersion(session)
    rows = await queries.polarizing(
        session,
        usual_share=usual if by == "excess" else 0,
        min_ratings=min_ratings,
        limit=limit,
    )
    movies = await movie_queries.summaries(session, [row.movie_id for row in rows])
    return PolarizingMovies(
        usual_share=usual,
        items=[_polarizing(movies[row.movie_id], row.variance, usual) for row in rows],
    )


def _polarizing(movie: AnyRow, variance: float, usual: float) -> PolarizingMovie:
    mean = float(movie.mean_rating)
    expected = usual * (mean - queries.LOWEST) * (queries.HIGHEST - mean)
    return PolarizingMovie(
        movie=MovieOut.model_validate(movie),
        variance=variance,
        expected_variance=expected,
    )
