"""Loading a MovieLens data set: all of it or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import psycopg
from psycopg import Cursor

from api.queries import loading as queries
from engine.errors import DataError
from engine.movielens import MovieLens

OnProgress = Callable[[str, int], None]


@dataclass(frozen=True)
class Loaded:
    """What was loaded."""

    n_movies: int
    n_ratings: int


def load(url: str, dataset: MovieLens, *, on_progress: OnProgress) -> Loaded:
    """Load movies, links and ratings in one transaction.

    A row that is there already takes the values of the file. `on_progress` is called
    with the stage and the bytes of ratings.csv read so far. Raises `DataError`.
    """
    conninfo = url.replace("+psycopg", "", 1)
    try:
        with psycopg.connect(conninfo) as connection:
            cursor = queries.begin(connection)
            loaded = _load(cursor, dataset, on_progress)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise DataError(f"{dataset.path}: {_describe(error)}") from error
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ANALYZE movies, ratings, movie_statistics, users")
    return loaded


def _load(cursor: Cursor[Any], dataset: MovieLens, on_progress: OnProgress) -> Loaded:
    on_progress("movies", 0)
    n_movies = queries.stage_movies(
        cursor, ((m.id, m.title, m.year, list(m.genres)) for m in dataset.movies())
    )
    if dataset.has("links.csv"):
        links = ((x.movie_id, x.imdb_id, x.tmdb_id) for x in dataset.links())
        queries.stage_links(cursor, links)
    with dataset.open_bytes("ratings.csv") as file:
        queries.stage_ratings(cursor, _chunks(file, on_progress))
    on_progress("checks", 0)
    _check(cursor, dataset)
    on_progress("tables", 0)
    return Loaded(n_movies, queries.merge(cursor))


def _chunks(file: IO[bytes], on_progress: OnProgress) -> Iterator[bytes]:
    n_bytes = 0
    while chunk := file.read(queries.COPY_BYTES):
        n_bytes += len(chunk)
        on_progress("ratings", n_bytes)
        yield chunk


def _check(cursor: Cursor[Any], dataset: MovieLens) -> None:
    """Refuse what constraints would refuse, in words that say what to do."""
    if row := queries.find(cursor, queries.FIND_REPEATED):
        raise DataError(
            f"{dataset.path}: user {row[0]} rates movie {row[1]} twice; keep one line"
        )
    if row := queries.find(cursor, queries.FIND_UNKNOWN_MOVIE):
        raise DataError(
            f"{dataset.path}: ratings.csv names movie {row[0]}, movies.csv does not"
        )
    if row := queries.find(cursor, queries.FIND_REGISTERED_USER):
        raise DataError(
            f"{dataset.path}: user id {row[0]} belongs to a registered account; "
            "renumber the users of the file"
        )


def _describe(error: psycopg.Error) -> str:
    """Say what PostgreSQL found, and on which line, without the SQL around it."""
    message = error.diag.message_primary or str(error)
    where = (error.diag.context or "").splitlines()
    return f"{message} ({where[0]})" if where else message
