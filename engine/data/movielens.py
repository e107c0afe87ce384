"""The MovieLens file formats: a folder or a zip in the official CSV layout.

MovieLens 100K, 1M and 10M are older; `early_movielens` translates their files.
"""

import csv
import io
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Self, TypeAlias
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from engine.arrays import FloatVector, IdVector
from engine.data.early_movielens import LAYOUTS, Layout, Translation
from engine.data.ratings import Ratings
from engine.errors import DataError

NO_GENRES = "(no genres listed)"

_HEADERS = {
    "ratings.csv": ("userId", "movieId", "rating", "timestamp"),
    "movies.csv": ("movieId", "title", "genres"),
    "links.csv": ("movieId", "imdbId", "tmdbId"),
    "tags.csv": ("userId", "movieId", "tag", "timestamp"),
}
_YEAR = re.compile(
    r"(?P<title>.*\S) ?\((?P<year>[0-9]{4})(?: ?[-\N{EN DASH}] ?(?:[0-9]{4})?)?\)"
)
_DIGITS = re.compile(r"[0-9]{1,19}")
_DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
_LARGEST_ID = 2**63 - 1
_RATING = np.dtype(
    [("user", "i8"), ("movie", "i8"), ("rating", "f4"), ("timestamp", "i8")]
)

Row: TypeAlias = list[str]


@dataclass(frozen=True)
class Movie:
    """One line of movies.csv.

    Attributes
    ----------
    id : int
    title : str
        Without the year.
    year : int or None
        Of release; the first one of a range.
    genres : tuple of str
        Empty for a movie without genres.
    """

    id: int
    title: str
    year: int | None
    genres: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """One line of links.csv: a movie's ids elsewhere."""

    movie_id: int
    imdb_id: int | None
    tmdb_id: int | None


@dataclass(frozen=True)
class Tag:
    """One line of tags.csv."""

    user_id: int
    movie_id: int
    tag: str
    timestamp: int


@dataclass(frozen=True)
class RatingTable:
    """ratings.csv as parallel arrays with one entry per rating, in the file's order."""

    user_ids: IdVector
    movie_ids: IdVector
    values: FloatVector
    timestamps: npt.NDArray[np.int64]

    def to_ratings(self, *, items: IdVector | None = None) -> Ratings:
        """Build the sparse matrix; `items` adds rows for movies without ratings."""
        return Ratings.from_arrays(
            self.user_ids, self.movie_ids, self.values, items=items
        )


@dataclass(frozen=True)
class MovieLens:
    """A data set in the official layout, opened but not read.

    Attributes
    ----------
    path : Path
        A folder that contains ratings.csv, or a zip with one such folder.
    inside : str
        The folder of the files in the zip, such as ``ml-latest-small/``.
    layout : Layout
        The files that replace the CSV files; empty if these exist themselves.
    """

    path: Path
    inside: str = ""
    layout: Layout = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Find the files; ratings.dat or u.data may stand for ratings.csv.

        Raises
        ------
        DataError
            The folder or zip does not exist, or has no ratings.csv.
        """
        path = Path(path)
        if path.is_dir():
            for name, layout in LAYOUTS.items():
                if (path / name).is_file():
                    return cls(path, layout=layout)
            raise DataError(f"{path}: no ratings.csv in it; name the folder it is in")
        if not path.is_file():
            raise DataError(f"{path}: no such folder or zip")
        with _zip(path) as archive:
            members = [PurePosixPath(name) for name in archive.namelist()]
        found = [member for member in members if member.name in LAYOUTS]
        if len(found) != 1:
            raise DataError(f"{path}: expected one ratings.csv in it, got {len(found)}")
        parent = found[0].parent.as_posix()
        inside = "" if parent == "." else f"{parent}/"
        return cls(path, inside, LAYOUTS[found[0].name])

    def has(self, name: str) -> bool:
        """Whether the data set holds a file such as ``links.csv``."""
        original = self._original(name)
        if self.path.is_dir():
            return original is not None and (self.path / original).is_file()
        with _zip(self.path) as archive:
            return f"{self.inside}{original}" in archive.namelist()

    def size_of(self, name: str) -> int:
        """Estimate the bytes that `open_bytes` will give, for a progress bar.

        Exact for the CSV layout; for an older one, the size of the original.
        """
        original = self._original(name) or name
        if self.path.is_dir():
            return (self.path / original).stat().st_size
        with _zip(self.path) as archive:
            return archive.getinfo(f"{self.inside}{original}").file_size

    @contextmanager
    def open_bytes(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file as a stream of raw bytes, header included, to copy elsewhere.

        Raises
        ------
        DataError
            The data set lacks the file, or the zip is damaged.
        """
        if not self.has(name):
            raise DataError(f"{self.path}: no {name} in it")
        with self._open_original(name) as file:
            if name in self.layout:
                yield io.BufferedReader(Translation(file, self.layout[name]))
            else:
                yield file

    @contextmanager
    def _open_original(self, name: str) -> Iterator[IO[bytes]]:
        original = self._original(name) or name
        if self.path.is_dir():
            with (self.path / original).open("rb") as file:
                yield file
            return
        with _zip(self.path) as archive:
            try:
                with archive.open(f"{self.inside}{original}") as member:
                    yield member
            except (BadZipFile, EOFError, zlib.error) as error:
                raise DataError(
                    f"{self.path}: damaged at {original}; fetch it again"
                ) from error

    def _original(self, name: str) -> str | None:
        """Name the file that replaces a CSV file; None if there is none."""
        if not self.layout:
            return name
        return self.layout[name].name if name in self.layout else None

    def movies(self) -> Iterator[Movie]:
        """Read movies.csv, one movie at a time.

        Raises
        ------
        DataError
            The file is missing, or a line violates the format.
        """
        for line, (movie_id, title, genres) in self._rows("movies.csv"):
            name, year = split_title(title)
            yield Movie(
                id=_integer(movie_id, "movies.csv", line),
                title=name,
                year=year,
                genres=() if genres in ("", NO_GENRES) else tuple(genres.split("|")),
            )

    def links(self) -> Iterator[Link]:
        """Read links.csv, one movie at a time; errors as for `movies`."""
        for line, ids in self._rows("links.csv"):
            movie_id, imdb_id, tmdb_id = (
                _integer(value, "links.csv", line) if value else None for value in ids
            )
            if movie_id is None:
                raise _bad_line("links.csv", line, "the movie id is empty")
            yield Link(movie_id, imdb_id, tmdb_id)

    def tags(self) -> Iterator[Tag]:
        """Read tags.csv, one tag at a time; errors as for `movies`."""
        for line, (user_id, movie_id, tag, timestamp) in self._rows("tags.csv"):
            yield Tag(
                user_id=_integer(user_id, "tags.csv", line),
                movie_id=_integer(movie_id, "tags.csv", line),
                tag=tag,
                timestamp=_integer(timestamp, "tags.csv", line),
            )

    def ratings(self) -> RatingTable:
        """Read ratings.csv.

        Raises
        ------
        DataError
            The file has no ratings, or a line violates the format.
        """
        name = "ratings.csv"
        with self._text(name) as text:
            _check_header(name, text.readline().rstrip("\r\n").split(","))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # an empty file, "1.0" for an id
                    table = np.loadtxt(
                        text, delimiter=",", dtype=_RATING, comments=None, ndmin=1
                    )
            except (ValueError, Warning) as error:
                raise self._first_bad_rating(error) from error
        if not np.isfinite(table["rating"]).all():
            raise self._first_bad_rating(ValueError("a rating is not finite"))
        return RatingTable(
            user_ids=table["user"].copy(),
            movie_ids=table["movie"].copy(),
            values=table["rating"].copy(),
            timestamps=table["timestamp"].copy(),
        )

    def _first_bad_rating(self, error: Exception) -> DataError:
        """Find the line that the fast reader rejected."""
        n_rows = 0
        for line, (user, movie, value, timestamp) in self._rows("ratings.csv"):
            n_rows += 1
            for number in (user, movie, timestamp):
                _integer(number, "ratings.csv", line)
            if not _DECIMAL.fullmatch(value):
                return _bad_line("ratings.csv", line, f"{value[:20]!r} is no rating")
        if n_rows == 0:
            return DataError("ratings.csv: no ratings in it")
        return DataError(f"ratings.csv: {error}")

    def _rows(self, name: str) -> Iterator[tuple[int, Row]]:
        """Yield line numbers and fields after the header; skip blank lines."""
        with self._text(name) as text:
            reader = csv.reader(text, strict=True)
            try:
                _check_header(name, next(reader, []))
                for row in reader:
                    if row and len(row) != len(_HEADERS[name]):
                        problem = f"{len(row)} fields, expected {len(_HEADERS[name])}"
                        raise _bad_line(name, reader.line_num, problem)
                    if row:
                        yield reader.line_num, row
            except csv.Error as error:
                raise _bad_line(name, reader.line_num, str(error)) from error

    @contextmanager
    def _text(self, name: str) -> Iterator[io.TextIOWrapper]:
        """Open a file as text, without its byte-order mark."""
        with self.open_bytes(name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            try:
                yield text
            except UnicodeDecodeError as error:
                raise DataError(f"{name}: not UTF-8; save it as UTF-8") from error


def split_title(text: str) -> tuple[str, int | None]:
    """Split ``Toy Story (1995)`` into title and year.

    A range such as ``(2006-2007)`` or ``(2014- )`` gives its first year. A title
    without a year stays whole.
    """
    title = " ".join(text.split())
    match = _YEAR.fullmatch(title)
    if match is None:
        return title, None
    return match["title"], int(match["year"])


def words_of(genres: Sequence[str], year: int | None) -> list[str]:
    """Describe a movie by its genres and half decade, for `features.one_hot`."""
    era = [] if year is None else [f"{year // 5 * 5}-{year // 5 * 5 + 4}"]
    return [*genres, *era]


@contextmanager
def _zip(path: Path) -> Iterator[ZipFile]:
    try:
        archive = ZipFile(path)
    except (BadZipFile, OSError) as error:
        raise DataError(f"{path}: not a readable zip; fetch it again") from error
    with archive:
        yield archive


def _check_header(name: str, header: Row) -> None:
    expected = _HEADERS[name]
    if tuple(field.strip() for field in header) != expected:
        raise _bad_line(name, 1, f"the header must be {','.join(expected)}")


def _integer(text: str, name: str, line: int) -> int:
    if not _DIGITS.fullmatch(text) or int(text) > _LARGEST_ID:
        raise _bad_line(name, line, f"{text[:20]!r} is no id or time")
    return int(text)


def _bad_line(name: str, line: int, problem: str) -> DataError:
    return DataError(f"{name}, line {line}: {problem}; repair or remove the line")
