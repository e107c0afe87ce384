"""The layouts of MovieLens 100K, 1M and 10M, read as the CSV files that replaced them.

Only the text is translated, some lines at a time, so `MovieLens` reads a single layout.
Errors name the CSV file and its line; the line number is one higher than in the
original, which has no header.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, TypeAlias

_STRETCH = 1 << 16  # bytes of whole lines translated at a time

_GENRES_OF_100K = (
    "", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime",
    "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery",
    "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""Genres in the order of the flags of u.item; the first flag means unknown."""
_FIELDS_BEFORE_GENRES = 5


@dataclass(frozen=True)
class Source:
    """An early file that replaces one of the CSV files.

    Attributes
    ----------
    name : str
        The original file.
    header : bytes
        First line of the CSV file.
    translate : callable
        Turns whole lines of the original into whole lines of the CSV file.
    """

    name: str
    header: bytes
    translate: Callable[[bytes], bytes]


Layout: TypeAlias = Mapping[str, Source]
"""The source of each CSV file; empty for the CSV layout itself."""


class Translation(io.RawIOBase):
    """A CSV file made from its source while it is read."""

    def __init__(self, file: IO[bytes], source: Source) -> None:
        self._file, self._source = file, source
        self._rest = source.header

    def readable(self) -> bool:
        """Return True, as a raw stream must to be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer from translated lines; return its length, 0 at the end."""
        if not self._rest:
            lines = b"".join(self._file.readlines(_STRETCH))
            self._rest = self._source.translate(lines)
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n


def _ratings_of_100k(lines: bytes) -> bytes:
    """``user<tab>movie<tab>rating<tab>time``."""
    return lines.replace(b"\t", b",")


def _ratings_of_1m(lines: bytes) -> bytes:
    """``user::movie::rating::time``."""
    return lines.replace(b"::", b",")


def _movies_of_100k(lines: bytes) -> bytes:
    """``id|title|two dates|address|19 flags``; other lines stay as they are."""
    rows = []
    for fields in _split(lines, "|"):
        flags = fields[_FIELDS_BEFORE_GENRES:]
        if len(flags) == len(_GENRES_OF_100K):
            named = zip(_GENRES_OF_100K, flags, strict=True)
            genres = [name for name, flag in named if name and flag == "1"]
            rows.append([*fields[:2], "|".join(genres)])
        else:
            rows.append(fields)
    return _csv(rows)


def _movies_of_1m(lines: bytes) -> bytes:
    """``id::title::genre|genre``; a title may contain the separator."""
    return _csv(
        [
            [fields[0], "::".join(fields[1:-1]), fields[-1]] if fields[2:] else fields
            for fields in _split(lines, "::")
        ]
    )


def _tags_of_10m(lines: bytes) -> bytes:
    """``user::movie::tag::time``."""
    return _csv(_split(lines, "::"))


def _split(lines: bytes, separator: str) -> list[list[str]]:
    """Split each line into fields; a blank line has none."""
    decoded = [_text(line) for line in lines.splitlines()]
    return [line.split(separator) if line else [] for line in decoded]


def _text(line: bytes) -> str:
    """Decode UTF-8 (10M), or else Latin-1 (100K and 1M)."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


_RATINGS_HEADER = b"userId,movieId,rating,timestamp\n"
_MOVIES_HEADER = b"movieId,title,genres\n"
_TAGS_HEADER = b"userId,movieId,tag,timestamp\n"

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "ratings.csv": {},
        "ratings.dat": {
            "ratings.csv": Source("ratings.dat", _RATINGS_HEADER, _ratings_of_1m),
            "movies.csv": Source("movies.dat", _MOVIES_HEADER, _movies_of_1m),
            "tags.csv": Source("tags.dat", _TAGS_HEADER, _tags_of_10m),
        },
        "u.data": {
            "ratings.csv": Source("u.data", _RATINGS_HEADER, _ratings_of_100k),
            "movies.csv": Source("u.item", _MOVIES_HEADER, _movies_of_100k),
        },
    }
)
"""Layouts by the name of their file of ratings."""
