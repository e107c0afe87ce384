"""Parse a file of ratings from another service, and report every problem by line.

Text in, rows out, without a database. A file is accepted as a whole or refused with its
faults. `services.transfers` finds its movies.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, get_args

from api.formats.csv_cells import unguarded
from engine.data.movielens import split_title

FormatName = Literal["movielens", "letterboxd", "imdb", "trakt", "csv"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)

MAX_ROWS = 10_000
MAX_COLUMNS = 100
MAX_LINE = 65_536
MAX_FIELD = 1_000
MAX_FAULTS = 100
LARGEST_ID = 2**31 - 1
YEARS = range(1800, 2201)
SCALES = (5, 10, 100)

# The role of a column, by its header without case, spaces and underscores.
ROLES = {
    "movieid": "movie_id",
    "const": "imdb_id",
    "imdbid": "imdb_id",
    "tmdbid": "tmdb_id",
    "title": "title",
    "name": "title",
    "year": "year",
    "yourrating": "rating",
    "rating": "rating",
    "rating10": "rating",
    "timestamp": "timestamp",
    "ratedat": "rated_at",
    "daterated": "rated_at",
    "date": "rated_at",
    "watcheddate": "rated_at",
    "titletype": "type",
    "type": "type",
    "userid": "user_id",
}
# A file has the first format whose columns are all present.
SIGNATURES: tuple[tuple[FormatName, frozenset[str]], ...] = (
    ("imdb", frozenset({"const", "yourrating"})),
    ("letterboxd", frozenset({"letterboxduri", "rating"})),
    ("letterboxd", frozenset({"watcheddate", "rating"})),
    ("letterboxd", frozenset({"watcheddate", "rating10"})),
    ("trakt", frozenset({"ratedat", "rating", "type"})),
    ("movielens", frozenset({"userid", "movieid", "rating"})),
    ("movielens", frozenset({"movieid", "rating", "averagerating"})),
)
SCALE_OF: Mapping[FormatName, int] = {
    "movielens": 5, "letterboxd": 5, "imdb": 10, "trakt": 10
}  # fmt: skip
NOT_A_MOVIE = re.compile("series|season|episode|show|game|podcast", re.IGNORECASE)

_ID = re.compile("[1-9][0-9]{0,9}")
_IMDB_ID = re.compile("(?:tt)?([0-9]{1,10})")
_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
_YEAR = re.compile("[0-9]{4}")
_SECONDS = re.compile("[0-9]{1,11}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_YEAR_3000 = 32_503_680_000


@dataclass(frozen=True)
class Fault:
    """A problem on a line; `column` is our name, never text of the file."""

    line: int
    column: str
    code: str
    message: str


class FaultyFileError(Exception):
    """The file is refused; `faults` are the first ones, by line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)


class FieldError(ValueError):
    """A field does not fit its column."""

    def __init__(self, column: str, code: str, message: str) -> None:
        super().__init__(message)
        self.column, self.code, self.message = column, code, message

    def on(self, line: int) -> Fault:
        """Add the line."""
        return Fault(line, self.column, self.code, self.message)


class UnreadableError(Exception):
    """The file cannot be split into fields from this line on."""

    def __init__(self, line: int, code: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(line, "", code, message)


@dataclass(frozen=True)
class RatedTitle:
    """One row: a movie, its stars, and the time.

    `written` is the rating as in the file, empty if there is none; `value` is the same
    in half stars, and `is_rounded` says whether it had to be rounded.
    """

    line: int
    movie_id: int | None = None
    imdb_id: int | None = None
    tmdb_id: int | None = None
    title: str | None = None
    year: int | None = None
    is_movie: bool = True
    rated_at: datetime | None = None
    written: str = ""
    value: float = 0.0
    is_rounded: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """The parts that are equal in two rows of the same movie."""
        ids = (self.movie_id, self.imdb_id, self.tmdb_id)
        named = next(((n, i) for n, i in enumerate(ids) if i is not None), None)
        return named or ((self.title or "").casefold(), self.year)


@dataclass(frozen=True)
class RatingFile:
    """An accepted file."""

    format: FormatName
    scale: int
    rows: tuple[RatedTitle, ...]


@dataclass(frozen=True)
class Layout:
    """The header: the format, and the position of the column of each role."""

    format: FormatName
    scale: int | None
    n_columns: int
    places: Mapping[str, int]

    def field(self, fields: Sequence[str], role: str) -> str:
        """Return a field of a row, stripped; empty if the file has no such column."""
        place = self.places.get(role)
        return "" if place is None else fields[place].strip()


def parse(text: str, *, scale: int | None = None) -> RatingFile:
    """Read a file of ratings; detect its format and, unless given, its scale.

    Raises `FaultyFileError` with the first hundred faults.
    """
    rows: list[RatedTitle] = []
    faults: list[Fault] = []
    users: dict[str, int] = {}
    try:
        records = _records(text)
        layout = _layout(*next(records, (1, [])))
        for line, fields in records:
            try:
                rows.append(_row(layout, line, fields))
                users.setdefault(layout.field(fields, "user_id"), line)
            except FieldError as error:
                faults.append(error.on(line))
            if len(faults) == MAX_FAULTS:
                break
    except UnreadableError as error:
        faults.append(error.fault)
    faults = faults or _repeated(rows) or _several_users(users)
    if not faults and not rows:
        faults = [Fault(1, "", "empty", "There is no rating in the file")]
    if not faults:
        used = scale or layout.scale or _detect_scale(rows)
        faults = _off_the_scale(rows, used)
    if faults:
        raise FaultyFileError(faults[:MAX_FAULTS])
    return RatingFile(layout.format, used, tuple(_converted(r, used) for r in rows))


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Split into records with the number of their first line; skip blank lines."""
    reader = csv.reader(_lines(text), strict=True)
    first, n_records = 1, 0
    try:
        for fields in reader:
            if fields:
                yield first, fields
                n_records += 1
            if n_records > MAX_ROWS + 1:
                message = f"At most {MAX_ROWS} ratings in a file"
                raise UnreadableError(first, "too_many", message)
            first = reader.line_num + 1
    except csv.Error as error:
        message = "A quote is not closed, or stands within a field"
        raise UnreadableError(first, "quoting", message) from error


def _lines(text: str) -> Iterator[str]:
    """Split at LF, CRLF or CR; refuse a line that is too long before it is parsed."""
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if len(line) > MAX_LINE:
            message = f"A line has at most {MAX_LINE} characters"
            raise UnreadableError(number, "too_long", message)
        yield line


def _layout(line: int, header: Sequence[str]) -> Layout:
    if len(header) > MAX_COLUMNS:
        raise UnreadableError(line, "header", f"At most {MAX_COLUMNS} columns")
    names = [re.sub("[ _]", "", name.strip().lower()) for name in header]
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        role = ROLES.get(name)
        if role in places:
            raise UnreadableError(
                line, "header", f"Two columns hold the {role}; keep one"
            )
        if role is not None:
            places[role] = place
    has_movie = places.keys() & {"movie_id", "imdb_id", "tmdb_id", "title"}
    if not has_movie or "rating" not in places:
        message = (
            "The first line must name the columns: a rating, and a movie id, "
            "imdb_id, tmdb_id or title"
        )
        raise UnreadableError(line, "header", message)
    matching = [name for name, columns in SIGNATURES if columns <= set(names)]
    found: FormatName = matching[0] if matching else "csv"
    scale = 10 if "rating10" in names else SCALE_OF.get(found)
    return Layout(found, scale, len(header), places)


def _row(layout: Layout, line: int, fields: Sequence[str]) -> RatedTitle:
    """Read one record, without converting the rating."""
    if len(fields) != layout.n_columns:
        message = f"The line has {len(fields)} fields, the header {layout.n_columns}"
        raise FieldError("", "fields", message)
    if any(len(field) > MAX_FIELD for field in fields):
        raise FieldError("", "too_long", f"A field has at most {MAX_FIELD} characters")
    if any(_CONTROL.search(field) for field in fields):
        raise FieldError("", "control", "There is a control character")
    title, year = _title(layout, fields)
    row = RatedTitle(
        line=line,
        movie_id=_id(layout.field(fields, "movie_id"), "movie_id"),
        imdb_id=_imdb_id(layout.field(fields, "imdb_id")),
        tmdb_id=_id(layout.field(fields, "tmdb_id"), "tmdb_id"),
        title=title,
        year=year,
        is_movie=not NOT_A_MOVIE.search(layout.field(fields, "type")),
        rated_at=_rated_at(layout, fields),
        written=_rating(layout.field(fields, "rating")),
    )
    if "user_id" in layout.places and not _ID.fullmatch(
        layout.field(fields, "user_id")
    ):
        raise FieldError("user_id", "id", "Must be a plain number")
    if row.identity == ("", None):
        raise FieldError(
            "title", "missing", "The line names no movie; add a movie id or a title"
        )
    return row


def _title(layout: Layout, fields: Sequence[str]) -> tuple[str | None, int | None]:
    title = unguarded(layout.field(fields, "title"))
    written = layout.field(fields, "year")
    if not written:
        name, year = split_title(title)
        return name or None, year
    if not _YEAR.fullmatch(written) or int(written) not in YEARS:
        raise FieldError("year", "year", "Must be a year of four digits, or empty")
    return title or None, int(written)


def _id(written: str, column: str) -> int | None:
    if not written:
        return None
    if not _ID.fullmatch(written) or int(written) > LARGEST_ID:
        message = f"Must be a plain number from 1 to {LARGEST_ID}, or empty"
        raise FieldError(column, "id", message)
    return int(written)


def _imdb_id(written: str) -> int | None:
    """Read `tt0114709`, or its digits as MovieLens has them, leading zeros and all."""
    if not written:
        return None
    found = _IMDB_ID.fullmatch(written)
    if found is None or not 1 <= int(found[1]) <= LARGEST_ID:
        raise FieldError("imdb_id", "id", "Must be like tt0114709, or empty")
    return int(found[1])


def _rating(written: str) -> str:
    if written and not _NUMBER.fullmatch(written):
        raise FieldError("rating", "rating", "Must be a plain number such as 4.5")
    return written


def _rated_at(layout: Layout, fields: Sequence[str]) -> datetime | None:
    seconds = layout.field(fields, "timestamp")
    if seconds:
        if not _SECONDS.fullmatch(seconds) or int(seconds) >= _YEAR_3000:
            raise FieldError("timestamp", "time", "Must be seconds since 1970")
        return datetime.fromtimestamp(int(seconds), UTC)
    written = layout.field(fields, "rated_at")
    if not written:
        return None
    message = "Must be a date such as 2024-05-31, or empty"
    if not _DATE.fullmatch(written):
        raise FieldError("rated_at", "time", message)
    try:
        instant = datetime.fromisoformat(written)
        zoned = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        raise FieldError("rated_at", "time", message) from None


def _repeated(rows: Sequence[RatedTitle]) -> list[Fault]:
    """Find rows that rate the movie of an earlier row; either may be meant."""
    first: dict[tuple[object, ...], int] = {}
    faults = []
    for row in rows:
        line = first.setdefault(row.identity, row.line)
        if line != row.line:
            message = f"The same movie as on line {line}; keep one line"
            faults.append(Fault(row.line, "", "repeated", message))
    return faults


def _several_users(lines_by_user: Mapping[str, int]) -> list[Fault]:
    """Refuse the ratings of several users: they would become those of one."""
    return [
        Fault(
            line,
            "user_id",
            "several_users",
            "The file must hold the ratings of one user",
        )
        for line in list(lines_by_user.values())[1:]
    ]


def _detect_scale(rows: Sequence[RatedTitle]) -> int:
    """Take the smallest scale that holds every rating."""
    largest = max((Decimal(row.written or 0) for row in rows), default=Decimal(0))
    return next((scale for scale in SCALES if largest <= scale), SCALES[-1])


def _off_the_scale(rows: Sequence[RatedTitle], scale: int) -> list[Fault]:
    message = f"Must be above 0 and at most {scale}"
    return [
        Fault(row.line, "rating", "range", message)
        for row in rows
        if row.written and not 0 < Decimal(row.written) <= scale
    ]


def _converted(row: RatedTitle, scale: int) -> RatedTitle:
    if not row.written:
        return row
    value, is_rounded = half_stars(Decimal(row.written), scale)
    return replace(row, value=value, is_rounded=is_rounded)


def half_stars(rating: Decimal, scale: int) -> tuple[float, bool]:
    """Convert a rating of ``0 < rating <= scale`` to stars, and say if it was rounded.

    The result is the half star nearest to ``5 * rating / scale``, the upper one of two,
    and at least half a star.
    """
    exact = rating * 10 / scale
    halves = max(1, int(exact.to_integral_value(ROUND_HALF_UP)))
    return halves / 2, halves != exact
