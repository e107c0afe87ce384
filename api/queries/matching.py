"""SQL that finds the movies of the rows of a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# From best to worst: our id, IMDb's, TMDB's; then title and year, title and adjacent
# year (releases differ by country), and title if one year is unknown.
BY_MOVIE_ID, BY_IMDB_ID, BY_TMDB_ID, BY_YEAR, BY_NEXT_YEAR, BY_TITLE = range(6)

WANTED = """
WITH wanted AS (
    SELECT * FROM unnest(
        CAST(:lines AS integer[]), CAST(:movie_ids AS integer[]),
        CAST(:imdb_ids AS integer[]), CAST(:tmdb_ids AS integer[]),
        CAST(:titles AS text[]), CAST(:years AS integer[])
    ) AS rows (line, movie_id, imdb_id, tmdb_id, title, year)
)
"""
# A movie id counts only if the title beside it, if any, is the movie's: the id may be
# another service's.
BY_IDS = f"""{WANTED}
SELECT line, movies.id, movies.title, {BY_MOVIE_ID} AS distance
FROM wanted JOIN movies ON movies.id = wanted.movie_id
WHERE wanted.title IS NULL OR movies.title_names && title_names(wanted.title)
UNION ALL
SELECT line, movies.id, movies.title, {BY_IMDB_ID}
FROM wanted JOIN movies USING (imdb_id)
UNION ALL
SELECT line, movies.id, movies.title, {BY_TMDB_ID}
FROM wanted JOIN movies USING (tmdb_id)
"""  # noqa: S608 - numbers of ours
# A movie with another IMDb or TMDB id is another movie, whatever its title. Unnested
# names are joined by hash; an index would be probed once per row.
BY_TITLES = f"""{WANTED}
SELECT DISTINCT line, named.id, named.title,
    CASE abs(named.year - called.year)
        WHEN 0 THEN {BY_YEAR} WHEN 1 THEN {BY_NEXT_YEAR} ELSE {BY_TITLE}
    END AS distance
FROM (SELECT wanted.*, unnest(title_names(title)) AS name FROM wanted) AS called
JOIN (
    SELECT id, title, year, imdb_id, tmdb_id, unnest(title_names) AS name FROM movies
) AS named USING (name)
WHERE coalesce(abs(named.year - called.year), 0) <= 1
    AND coalesce(named.imdb_id = called.imdb_id, true)
    AND coalesce(named.tmdb_id = called.tmdb_id, true)
"""  # noqa: S608 - likewise


@dataclass(frozen=True)
class MovieReference:
    """The movie that one row of a file names."""

    line: int
    movie_id: int | None
    imdb_id: int | None
    tmdb_id: int | None
    title: str | None
    year: int | None


@dataclass(frozen=True)
class Candidate:
    """A movie that a row may mean; a smaller `distance` is a better match."""

    line: int
    movie_id: int
    title: str
    distance: int


async def by_ids(
    session: AsyncSession, wanted: Sequence[MovieReference]
) -> list[Candidate]:
    """Find movies by the ids of the rows."""
    return await _find(session, BY_IDS, wanted)


async def by_titles(
    session: AsyncSession, wanted: Sequence[MovieReference]
) -> list[Candidate]:
    """Find movies by title, with years at most one apart."""
    return await _find(session, BY_TITLES, wanted)


async def _find(
    session: AsyncSession, query: str, wanted: Sequence[MovieReference]
) -> list[Candidate]:
    parameters: dict[str, list[Any]] = {
        "lines": [row.line for row in wanted],
        "movie_ids": [row.movie_id for row in wanted],
        "imdb_ids": [row.imdb_id for row in wanted],
        "tmdb_ids": [row.tmdb_id for row in wanted],
        "titles": [row.title for row in wanted],
        "years": [row.year for row in wanted],
    }
    rows = await session.execute(text(query), parameters)
    return [Candidate(*row) for row in rows]
