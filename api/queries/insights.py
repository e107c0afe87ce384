"""SQL of insights: from the statistics of movies, and from a summary of all ratings.

What can be had from `movie_statistics` is exact at any moment and costs what the
catalogue costs. Counting all ratings costs what they cost, so the worker does that.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Double, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.database import AnyRow
from api.queries.movies import mean_rating, variance
from api.tables import Movie, MovieStatistics, Rating, RatingSummary

LOWEST, HIGHEST = 0.5, 5.0

n_ratings = MovieStatistics.n_ratings
possible_variance = (mean_rating - LOWEST) * (HIGHEST - mean_rating)


async def sizes(session: AsyncSession) -> Sequence[AnyRow]:
    """Count the movies that have each number of ratings."""
    query = select(n_ratings, func.count().label("n_movies")).where(n_ratings > 0)
    query = query.group_by(n_ratings).order_by(n_ratings)
    return (await session.execute(query)).all()


async def most_rated(session: AsyncSession, limit: int) -> Sequence[int]:
    """List the ids of the movies with most ratings, straight from an index."""
    order = n_ratings.desc(), MovieStatistics.movie_id
    query = select(MovieStatistics.movie_id).order_by(*order).limit(limit)
    return (await session.scalars(query)).all()


async def genres(session: AsyncSession) -> Sequence[AnyRow]:
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
        n.label("n_ratings"),
        cast(func.sum(of_movie.c.total), Double).label("half_stars"),
    )
    query = query.group_by(of_movie.c.name).order_by(of_movie.c.name)
    return (await session.execute(query)).all()


async def dispersion(session: AsyncSession) -> float:
    """Find the usual share of the possible variance: ``φ`` of `engine.insights`."""
    usual = func.sum(n_ratings * variance)
    most = func.nullif(func.sum(n_ratings * possible_variance), 0)
    query = select(func.coalesce(usual / most, 0.0)).where(n_ratings > 0)
    return float((await session.execute(query)).scalar_one())


async def polarizing(
    session: AsyncSession,
    *,
    usual_share: float,
    min_ratings: int,
    limit: int,
) -> Sequence[AnyRow]:
    """List the movies whose ratings vary most beyond `usual_share` of the possible.

    With a share of 0 that is the plain variance.
    """
    excess = variance - usual_share * possible_variance
    query = select(
        MovieStatistics.movie_id,
        variance.label("variance"),
        excess.label("excess"),
    )
    query = query.where(n_ratings >= min_ratings)
    query = query.order_by(excess.desc(), MovieStatistics.movie_id).limit(limit)
    return (await session.execute(query)).all()


async def summary(session: AsyncSession) -> RatingSummary | None:
    """Read the summary of all ratings, if one has been made."""
    return await session.get(RatingSummary, 1)


async def summarize(session: AsyncSession) -> dict[str, Any]:
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


async def without_time_limit(session: AsyncSession) -> None:
    """Let this transaction take as long as it needs."""
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
