"""Insights: statistics of all ratings."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import groupby, islice
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import insights as queries
from api.queries import movies as movie_queries
from api.queries import training as training_queries
from api.schemas.base import HALF_STARS, HIGHEST_STARS, LOWEST_STARS, MAX_PAGE
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
from api.storage.database import AnyRow

N_TOP = 10
FEWEST_RATINGS = 2  # a polarizing movie has at least this many
# The least age of a summary, and the bound on the time spent: a twentieth.
LEAST_AGE = timedelta(seconds=60)
SHARE_OF_TIME = 20


async def ratings(session: AsyncSession) -> RatingInsights:
    """Describe all ratings from the summary, or count them if there is none."""
    document, as_of = await _part(session, "ratings")
    counts = dict(document["values"])
    return RatingInsights(
        as_of=as_of,
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


async def _part(session: AsyncSession, name: str) -> tuple[Any, datetime]:
    """Read a part of the summary and its time, or count it now if there is none."""
    row = await queries.summary(session, name)
    part = None if row is None else getattr(row, name)
    if row is None or part is None:
        return await PARTS[name](session), datetime.now(UTC)
    return part, row.computed_at


async def refresh_summary(session: AsyncSession) -> bool:
    """Count all ratings if they have changed and the last count is old enough."""
    n_changes = await training_queries.n_changes(session)
    row = await queries.summary(session, *PARTS)
    if row is not None and None not in row:  # of this version
        wait = max(LEAST_AGE, SHARE_OF_TIME * timedelta(seconds=row.seconds))
        is_fresh = datetime.now(UTC) - row.computed_at < wait
        if is_fresh or row.n_changes == n_changes:
            return False
    began = time.perf_counter()
    await queries.without_time_limit(session)
    document = {name: await count(session) for name, count in PARTS.items()}
    seconds = time.perf_counter() - began
    await queries.keep_summary(session, document, n_changes=n_changes, seconds=seconds)
    await session.commit()
    return True


async def popularity(session: AsyncSession) -> PopularityInsights:
    """Count movies by number of ratings, and list the most rated."""
    sizes, _ = await _part(session, "sizes")
    ids = await queries.most_rated(session, N_TOP)
    movies = await movie_queries.summaries(session, ids)
    top = [MovieOut.model_validate(movies[movie_id]) for movie_id in ids]
    return PopularityInsights(**sizes, top=top)


async def genres(session: AsyncSession) -> GenreInsights:
    """Describe the movies and ratings of each genre."""
    found, _ = await _part(session, "genres")
    return GenreInsights(
        items=[
            GenreInsight(
                name=genre["name"],
                n_movies=genre["n_movies"],
                n_ratings=genre["n_ratings"],
                mean_rating=genre["half_stars"] / (2 * genre["n_ratings"])
                if genre["n_ratings"]
                else None,
            )
            for genre in found
        ]
    )


async def polarizing(
    session: AsyncSession,
    *,
    by: Literal["variance", "excess"],
    min_ratings: int,
    limit: int,
) -> PolarizingMovies:
    """List the movies whose ratings vary most."""
    found, _ = await _part(session, by)
    enough = (n for n, count in enumerate(found["n_ratings"]) if count >= min_ratings)
    places = list(islice(enough, limit))
    ids = [found["movie_id"][n] for n in places]
    movies = await movie_queries.summaries(session, ids)
    usual = found["usual_share"]
    return PolarizingMovies(
        usual_share=usual,
        items=[
            _polarizing(movies[movie_id], found["variance"][n], usual)
            for movie_id, n in zip(ids, places, strict=True)
        ],
    )


async def _most_polarizing(session: AsyncSession, *, by: str) -> dict[str, Any]:
    """Find the movies that any list in this order can hold, and sort them.

    The result has columns: a list per movie would cost time in garbage collection.
    """
    usual = await queries.dispersion(session)
    rows = await queries.spreads(session, usual_share=usual, min_ratings=FEWEST_RATINGS)
    leaders = set(leading(rows, by))
    kept = [row for row in rows if row["movie_id"] in leaders]
    kept.sort(key=lambda row: (-row[by], row["movie_id"]))
    columns = "movie_id", "n_ratings", "variance"
    return {
        "usual_share": usual,
        **{name: [row[name] for row in kept] for name in columns},
    }


def leading(
    rows: Sequence[Mapping[Any, Any]], key: str, *, n: int = MAX_PAGE
) -> Iterator[int]:
    """Yield the movies with one of the `n` largest keys among those rated as often.

    "As often" includes more often: no other movie can be on a page of `n`, whatever
    least number of ratings it has. `rows` are sorted by descending number of ratings.
    """
    largest: list[float] = []  # a heap
    for _, tied in groupby(rows, key=lambda row: row["n_ratings"]):
        keys = {row["movie_id"]: row[key] for row in tied}
        for value in keys.values():
            heappush(largest, value)
        while len(largest) > n:
            heappop(largest)
        yield from (movie for movie, value in keys.items() if value >= largest[0])


PARTS: Mapping[str, Callable[[AsyncSession], Awaitable[Any]]] = {
    "ratings": queries.ratings,
    "sizes": queries.sizes,
    "genres": queries.genres,
    "variance": partial(_most_polarizing, by="variance"),
    "excess": partial(_most_polarizing, by="excess"),
}
"""The count behind each part of the summary."""


def _polarizing(movie: AnyRow, variance: float, usual: float) -> PolarizingMovie:
    mean = float(movie.mean_rating)
    expected = usual * (mean - LOWEST_STARS) * (HIGHEST_STARS - mean)
    return PolarizingMovie(
        movie=MovieOut.model_validate(movie),
        variance=variance,
        expected_variance=expected,
    )
