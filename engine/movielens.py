"""The MovieLens file formats: a folder or a zip in the official CSV layout."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self, TypeAlias
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from engine.arrays import FloatVector, IdVector
from engine.errors import DataError
from engine.ratings import Ratings

NO_GENRES = "(no genres listed)"

_HEADERS = {
    "ratings.csv": ("userId", "movieId", "rating", "timestamp"),
    "movies.csv": ("movieId", "title", "genres"),
    "links.csv": ("movieId", "imdbId", "tmdbId"),
    "tags.csv": ("userId", "movieId", "tag", "timestamp"),
}
_YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>\d{4})(?:\s*[-–]\s*(?:\d{4})?)?\)$")
_LONGEST_FIELD = 131_072  # characters, as of the csv module

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
    """ratings.csv as parallel arrays, one entry a rating, in the file's order."""

    user_ids: IdVector
    movie_ids: IdVector
    values: FloatVector
    timestamps: npt.NDArray[np.int64]

    def to_ratings(self, *, items: IdVector | None = None) -> Ratings:
        """The sparse matrix; `items` adds a row for movies nobody rated."""
        return Ratings.from_arrays(
            self.user_ids, self.movie_ids, self.values, items=items
        )


@dataclass(frozen=True)
class MovieLens:
    """A data set in the official layout, opened but not read.

    Attributes
    ----------
    path : Path
        A folder that holds ratings.csv, or a zip in which one folder does.
    inside : str
        Where the files are in the zip, such as ``ml-latest-small/``.
    """

    path: Path
    inside: str = ""

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Find the files.

        Raises
        ------
        DataError
            There is no such folder or zip, or no ratings.csv in it.
        """
        path = Path(path)
        if path.is_dir():
            if not (path / "ratings.csv").is_file():
                raise DataError(f"{path}: no ratings.csv in it; name the folder it is in")
            return cls(path)
        if not path.is_file():
            raise DataError(f"{path}: no such folder or zip")
        with _zip(path) as archive:
            members = [PurePosixPath(name) for name in archive.namelist()]
        found = [member for member in members if member.name == "ratings.csv"]
        if len(found) != 1:
            raise DataError(f"{path}: expected one ratings.csv in it, got {len(found)}")
        parent = found[0].parent.as_posix()
        return cls(path, "" if parent == "." else f"{parent}/")

    def has(self, name: str) -> bool:
        """Whether the data set holds a file such as ``links.csv``."""
        if self.path.is_dir():
            return (self.path / name).is_file()
        with _zip(self.path) as archive:
            return f"{self.inside}{name}" in archive.namelist()

    def open_bytes(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a file as a stream of raw bytes, header included, to copy elsewhere.

        Raises
        ------
        DataError
            The data set has no such file.
        """
        return self._stream(name)

    @contextmanager
    def _stream(self, name: str) -> Iterator[BinaryIO]:
        if not self.has(name):
            raise DataError(f"{self.path}: no {name} in it")
        if self.path.is_dir():
            with (self.path / name).open("rb") as file:
                yield file
            return
        with _zip(self.path) as archive, archive.open(f"{self.inside}{name}") as member:
            yield io.BufferedReader(member)  # type: ignore[type-var]  # readable enough
