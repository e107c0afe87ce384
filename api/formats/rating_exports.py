"""Write ratings as files for other services."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from api.formats.csv_cells import guarded
from api.formats.rating_files import FormatName


class Rated(Protocol):
    """A row of the database: a rating and its movie."""

    movie_id: int
    imdb_id: int | None
    tmdb_id: int | None
    title: str
    year: int | None
    value: float
    rated_at: datetime


def _imdb(row: Rated) -> str:
    return "" if row.imdb_id is None else f"tt{row.imdb_id:07d}"


def _stars(row: Rated) -> str:
    return f"{row.value:g}"


def _of_ten(row: Rated) -> str:
    return f"{row.value * 2:g}"


def _instant(row: Rated) -> str:
    return row.rated_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(row: Rated) -> str:
    return row.rated_at.astimezone(UTC).date().isoformat()


def _url(row: Rated) -> str:
    return f"https://www.imdb.com/title/{_imdb(row)}/" if row.imdb_id else ""


Cell = Callable[[Rated], object]

# The columns of each format: those that its own service reads, and our id, which tells
# two movies of one title and year apart.
COLUMNS: Mapping[FormatName, Mapping[str, Cell]] = {
    "movielens": {
        "userId": lambda _: "",
        "movieId": lambda row: row.movie_id,
        "rating": lambda row: f"{row.value:.1f}",
        "timestamp": lambda row: int(row.rated_at.timestamp()),
    },
    "letterboxd": {
        "imdbID": _imdb,
        "tmdbID": lambda row: row.tmdb_id,
        "Title": lambda row: row.title,
        "Year": lambda row: row.year,
        "Rating": _stars,
        "WatchedDate": _day,
        "CinefoldID": lambda row: row.movie_id,
    },
    "imdb": {
        "Const": _imdb,
        "Your Rating": _of_ten,
        "Date Rated": _day,
        "Title": lambda row: row.title,
        "URL": _url,
        "Title Type": lambda _: "Movie",
        "Year": lambda row: row.year,
        "CinefoldID": lambda row: row.movie_id,
    },
    "trakt": {
        "rated_at": _instant,
        "type": lambda _: "movie",
        "title": lambda row: row.title,
        "year": lambda row: row.year,
        "imdb_id": _imdb,
        "tmdb_id": lambda row: row.tmdb_id,
        "rating": _of_ten,
        "CinefoldID": lambda row: row.movie_id,
    },
    "csv": {
        "movie_id": lambda row: row.movie_id,
        "imdb_id": _imdb,
        "tmdb_id": lambda row: row.tmdb_id,
        "title": lambda row: row.title,
        "year": lambda row: row.year,
        "rating": _stars,
        "rated_at": _instant,
    },
}


def write(rows: Iterable[Rated], name: FormatName, *, user_id: int) -> str:
    """Write ratings in a format; a cell that starts like a formula gets a quote mark.

    Spreadsheets run such cells, and titles come from other people. `rating_files.parse`
    removes the quote mark.
    """
    columns = COLUMNS[name]
    if name == "movielens":
        columns = {**columns, "userId": lambda _: user_id}
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    for row in rows:
        cells = (cell(row) for cell in columns.values())
        writer.writerow(["" if c is None else guarded(str(c)) for c in cells])
    return file.getvalue()
