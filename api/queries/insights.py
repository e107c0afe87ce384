"""SQL of insights: counts, and the summary in which the worker stores them.

The counts read all ratings and all of `movie_statistics`; a request reads only the part
of the summary that it needs.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Double, RowMapping, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries.movies import mean_rating, variance
from api.schemas.base import HIGHEST_STARS, LOWEST_STARS
from api.storage.database import AnyRow
from api.tables import Movie, MovieStatistics, Rating, RatingSummary

n_ratings = MovieStatistics.n_ratings
possible_variance = (mean_rating - LOWEST_STARS) * (HIGHEST_STARS - mean_rating)


async def sizes(session: AsyncSession) -> dict[str, list[int]]:
    """Count the movies that have each number of ratings."""
    query = select(n_ratings, func.count().label("n_movies")).where(n_ratings > 0)
    query = query.group_by(n_ratings).order_by(n_ratings)
    rows = (await session.execute(query)).all()
    return {
        "n_ratings": [row.n_ratings for row in rows],
        "n_movies": [row.n_movies for row in rows],
    }


async def most_rated(session: AsyncSession, limit: int) -> Sequence[int]:
    """List the ids of the movies with most ratings, straight from an index."""
    order = n_ratings.desc(), MovieStatistics.movie_id
    query = select(MovieStatistics.movie_id).order_by(*order).limit(limit)
    return (await session.scalars(query)).all()


async def genres(session: AsyncSession) -> list[dict[str, Any]]:
    """Count movies and ratings of each genre; a movie counts in all its genres."""
    of_movie = (
        select(
            func.unnest(Movie.genres).label("name"),
            func.coalesce(n_ratings, 0).label("n"),
            func.coalesce(MovieStatistics.half_stars_sum, 0).label("total"),
        )
        .outerjoin(MovieStatistics, MovieStatistics.movie_id == Movie.id)
        .subquery()
    )
    n = func.sum(of_movie.c.n)
    query = select(
        of_movie.c.name,
        func.count().label("n_movies"),
        cast(n, BigInteger).label("n_ratings"),
        cast(func.sum(of_movie.c.total), Double).label("half_stars"),
    )
    query = query.group_by(of_movie.c.name).order_by(of_movie.c.name)
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def dispersion(session: AsyncSession) -> float:
    """Find the usual share of the possible variance: ``φ`` of `engine.insights`."""
    usual = func.sum(n_ratings * variance)
    most = func.nullif(func.sum(n_ratings * possible_variance), 0)
    query = select(func.coalesce(usual / most, 0.0)).where(n_ratings > 0)
    return float((await session.execute(query)).scalar_one())


async def spreads(
    session: AsyncSession, *, usual_share: float, min_ratings: int
) -> Sequence[RowMapping]:
    """List movies with their variance, by descending number of ratings.

    `excess` is the variance beyond `usual_share` of the possible variance.
    """
    excess = variance - usual_share * possible_variance
    query = select(
        MovieStatistics.movie_id,
        n_ratings,
        variance.label("variance"),
        excess.label("excess"),
    )
    query = query.where(n_ratings >= min_ratings).order_by(n_ratings.desc())
    return (await session.execute(query)).mappings().all()


async def ratings(session: AsyncSession) -> dict[str, Any]:
    """Count all ratings by value, by month, and users by their mean."""
    by_value = select(Rating.value, func.count()).group_by(Rating.value)
    month = func.to_char(func.date_trunc("month", Rating.rated_at), "YYYY-MM")
    by_month = select(month.label("month"), func.count()).group_by(month)
    mean = func.round(10 * func.avg(Rating.value)) / 10
    of_user = select(mean.label("mean")).group_by(Rating.user_id).subquery()
    by_mean = select(of_user.c.mean, func.count()).group_by(of_user.c.mean)
    return {
        name: [
            [key if isinstance(key, str) else float(key), n]
            for key, n in await session.execute(query.order_by(text("1")))
        ]
        for name, query in (
            ("values", by_value),
            ("months", by_month),
            ("user_means", by_mean),
        )
    }


async def summary(session: AsyncSession, *parts: str) -> AnyRow | None:
    """Read parts of the summary and its time; `None` if there is no summary.

    A part is `None` in the summary of a version that lacks it.
    """
    query = select(
        RatingSummary.computed_at,
        RatingSummary.n_changes,
        RatingSummary.seconds,
        *(RatingSummary.document[part].label(part) for part in parts),
    )
    return (await session.execute(query)).one_or_none()


async def without_time_limit(session: AsyncSession) -> None:
    """Remove the time limit of this transaction."""
    await session.execute(text("SET LOCAL statement_timeout = 0"))


async def keep_summary(
    session: AsyncSession, document: dict[str, Any], *, n_changes: int, seconds: float
) -> None:
    """Replace the stored summary."""
    values = {"document": document, "n_changes": n_changes, "seconds": seconds}
    statement = insert(RatingSummary).values(id=1, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[RatingSummary.id],
            set_={**values, "computed_at": func.now()},
        )
    )
