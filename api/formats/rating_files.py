"""Parse a file of ratings from another service, and report every problem by line.

Rows in, rows out, without a database. A row that cannot be read is a fault of its own
and stops no other, unless the file is to be read strictly. `services.transfers` finds
the movies.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args

from api.formats.csv_cells import unguarded
from api.formats.rating_scales import half_stars, smallest_scale
from api.formats.rating_text import UnreadableError, records
from engine.data.movielens import split_title

FormatName = Literal["movielens", "letterboxd", "imdb", "trakt", "csv"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)

MAX_COLUMNS = 100
MAX_FIELD = 1_000
MAX_FAULTS = 100
LARGEST_ID = 2**31 - 1
YEARS = range(1800, 2201)

# The columns that hold each role, by their headers without case, spaces and
# underscores; of several in one file, the first that is not empty counts in each row.
HEADERS: Mapping[str, tuple[str, ...]] = {
    "movie_id": ("movieid", "cinefoldid"),
    "imdb_id": ("const", "imdbid"),
    "tmdb_id": ("tmdbid",),
    "title": ("title", "name"),
    "original": ("originaltitle",),
    "year": ("year",),
    "rating": ("yourrating", "yourated", "rating"),
    "rating10": ("rating10",),
    "timestamp": ("timestamp",),
    "rated_at": ("watcheddate", "ratedat", "daterated", "date", "dateadded"),
    "type": ("titletype", "type"),
    "user_id": ("userid",),
}
# A file has the first format whose columns are all present.
SIGNATURES: tuple[tuple[FormatName, frozenset[str]], ...] = (
    ("imdb", frozenset({"const", "yourrating"})),
    ("imdb", frozenset({"const", "yourated"})),
    ("letterboxd", frozenset({"letterboxduri", "rating"})),
    ("letterboxd", frozenset({"watcheddate", "rating"})),
    ("letterboxd", frozenset({"watcheddate", "rating10"})),
    ("letterboxd", frozenset({"letterboxduri", "rating10"})),
    ("trakt", frozenset({"ratedat", "rating", "type"})),
    ("movielens", frozenset({"userid", "movieid", "rating"})),
    ("movielens", frozenset({"movieid", "rating", "averagerating"})),
)
SCALE_OF: Mapping[FormatName, int] = {
    "movielens": 5, "letterboxd": 5, "imdb": 10, "trakt": 10
}  # fmt: skip
# The words for what a row is that mean a movie. All others mean something else, unless
# a file has a single other word, and an id of IMDb or TMDB says that it is a movie.
MOVIES = frozenset(
    {
        "", "movie", "film", "feature film", "feature", "short", "short film",
        "tv movie", "tvmovie", "tv short", "tvshort", "tv special", "tvspecial",
        "video", "music video", "documentary",
    }
)  # fmt: skip
NOT_MOVIES = re.compile("series|season|episode|show|game|podcast|^tv$")

_ID = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.0)?")
_IMDB_ID = re.compile(
    r"(?:https?://(?:[a-z]+\.)?imdb\.com/(?:[a-z-]+/)?title/)?(?:tt)?([0-9]{1,10})/?"
    r"(?:\?.*)?"
)
_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
_YEAR = re.compile(r"([0-9]{4})(?:\.0)?")
_SECONDS = re.compile("-?[0-9]{1,11}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_YEARS = (datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC))


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


@dataclass(frozen=True)
class RatedTitle:
    """One row: a movie, its stars, and the time.

    `written` is the rating as in the file, empty if there is none; `value` is the same
    in half stars, and `is_rounded` says whether it had to be rounded. `is_movie` is
    `None` where only an id of IMDb or TMDB could tell. `original` is the title in the
    language of the movie; `is_of_ten` marks a rating of ten beside others of five.
    """

    line: int
    movie_id: int | None = None
    imdb_id: int | None = None
    tmdb_id: int | None = None
    title: str | None = None
    year: int | None = None
    original: str | None = None
    word: str = ""
    is_movie: bool | None = True
    is_of_ten: bool = False
    rated_at: datetime | None = None
    written: str = ""
    value: float = 0.0
    is_rounded: bool = False

    @property
    def names_movie(self) -> bool:
        """Whether the row has anything that can find its movie."""
        ids = (self.movie_id, self.imdb_id, self.tmdb_id)
        return any(each is not None for each in ids) or bool(self.title)


@dataclass(frozen=True)
class RatingFile:
    """An accepted file: its rows, and the faults of those that cannot be read."""

    format: FormatName
    scale: int
    rows: tuple[RatedTitle, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The header: the format, and the positions of the columns of each role."""

    format: FormatName
    scale: int | None
    n_columns: int
    places: Mapping[str, Sequence[int]]

    def field(self, fields: Sequence[str], role: str) -> str:
        """Return a field of a row, stripped; empty if the row has none.

        Fields that nobody asks for, such as reviews, may hold anything.
        """
        written = (fields[place].strip() for place in self.places[role])
        found = next(filter(None, written), "")
        if len(found) > MAX_FIELD:
            message = f"A field has at most {MAX_FIELD} characters"
            raise FieldError(role, "too_long", message)
        if _CONTROL.search(found):
            raise FieldError(role, "control", "There is a control character")
        return found


def parse(
    text: str, *, scale: int | None = None, is_strict: bool = False
) -> RatingFile:
    """Read a file of ratings; detect its format and, unless given, its scale.

    Raises `FaultyFileError` if nothing of it can be read, or it mixes users; if it is
    to be read strictly, for any fault, with the first hundred of them.
    """
    rows: list[RatedTitle] = []
    faults: list[Fault] = []
    users: dict[str, int] = {}
    try:
        found = records(text)
        layout = _layout(*next(found, (1, [])))
        for line, fields in found:
            try:
                rows.append(_row(layout, line, fields))
                users.setdefault(layout.field(fields, "user_id"), line)
            except FieldError as error:
                faults.append(error.on(line))
            if is_strict and len(faults) == MAX_FAULTS:
                break
    except UnreadableError as error:
        fault = Fault(error.line, "", error.code, error.message)
        raise FaultyFileError([*faults, fault][-MAX_FAULTS:]) from error
    refused = _several_users(users) or (faults if is_strict else [])
    if not refused and not rows and not faults:
        refused = [Fault(1, "", "empty", "There is no rating in the file")]
    if refused:
        raise FaultyFileError(refused[:MAX_FAULTS])
    written = (row.written for row in rows if row.written and not row.is_of_ten)
    used = scale or layout.scale or smallest_scale(written)
    off = _off_the_scale(rows, used)
    if is_strict and off:
        raise FaultyFileError(off[:MAX_FAULTS])
    lines = {fault.line for fault in off}
    kept = [_converted(row, used) for row in rows if row.line not in lines]
    everything = sorted([*faults, *off], key=lambda fault: fault.line)
    return RatingFile(layout.format, used, _told(kept), tuple(everything))


def _told(rows: Sequence[RatedTitle]) -> tuple[RatedTitle, ...]:
    """Decide on rows with words that are not known, by how many words there are."""
    words = {row.word for row in rows if row.is_movie is None}
    if len(words) == 1:
        return tuple(rows)
    return tuple(
        replace(row, is_movie=False) if row.is_movie is None else row for row in rows
    )


def _layout(line: int, header: Sequence[str]) -> Layout:
    if len(header) > MAX_COLUMNS:
        raise UnreadableError(line, "header", f"At most {MAX_COLUMNS} columns")
    names = [re.sub("[ _]", "", name.strip().lower()) for name in header]
    places = {
        role: [place for each in headers for place in _places(names, each)]
        for role, headers in HEADERS.items()
    }
    has_movie = any(
        places[role] for role in ("movie_id", "imdb_id", "tmdb_id", "title")
    )
    if not has_movie or not (places["rating"] or places["rating10"]):
        message = (
            "The first line must name the columns: a rating, and a movie id, "
            "imdb_id, tmdb_id or title"
        )
        raise UnreadableError(line, "header", message)
    matching = [name for name, columns in SIGNATURES if columns <= set(names)]
    found: FormatName = matching[0] if matching else "csv"
    scale = SCALE_OF.get(found) if places["rating"] else 10
    return Layout(found, scale, len(header), places)


def _places(names: Sequence[str], wanted: str) -> list[int]:
    return [place for place, name in enumerate(names) if name == wanted]


def _row(layout: Layout, line: int, fields: Sequence[str]) -> RatedTitle:
    """Read one record, without converting the rating."""
    if len(fields) != layout.n_columns:
        message = f"The line has {len(fields)} fields, the header {layout.n_columns}"
        raise FieldError("", "fields", message)
    title, year = _title(layout, fields)
    word = layout.field(fields, "type").lower()
    written = _rating(layout.field(fields, "rating"))
    of_ten = "" if written else _rating(layout.field(fields, "rating10"))
    row = RatedTitle(
        line=line,
        movie_id=_id(layout.field(fields, "movie_id"), "movie_id"),
        imdb_id=_imdb_id(layout.field(fields, "imdb_id")),
        tmdb_id=_id(layout.field(fields, "tmdb_id"), "tmdb_id"),
        title=title,
        year=year,
        original=layout.field(fields, "original") or None,
        word=word,
        is_movie=True if word in MOVIES else False if NOT_MOVIES.search(word) else None,
        is_of_ten=bool(of_ten and layout.places["rating"]),
        rated_at=_rated_at(layout, fields),
        written=written or of_ten,
    )
    if layout.places["user_id"] and not _id(layout.field(fields, "user_id"), "user_id"):
        raise FieldError("user_id", "id", "Must be a plain number")
    if not row.names_movie:
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
    found = _YEAR.fullmatch(written)
    if found is None or int(found[1]) not in YEARS:
        raise FieldError("year", "year", "Must be a year of four digits, or empty")
    return title or None, int(found[1])


def _id(written: str, column: str) -> int | None:
    if not written:
        return None
    found = _ID.fullmatch(written)
    if found is None or int(found[1]) > LARGEST_ID:
        message = f"Must be a plain number from 1 to {LARGEST_ID}, or empty"
        raise FieldError(column, "id", message)
    return int(found[1]) or None  # 0 is how some say that they know none


def _imdb_id(written: str) -> int | None:
    """Read `tt0114709`, or its digits as MovieLens has them, leading zeros and all."""
    if not written:
        return None
    found = _IMDB_ID.fullmatch(written)
    if found is None or int(found[1]) > LARGEST_ID:
        raise FieldError("imdb_id", "id", "Must be like tt0114709, or empty")
    return int(found[1]) or None


def _rating(written: str) -> str:
    """Read a number with a point or a comma; 0 is how some say `not rated`."""
    plain = written.replace(",", ".", 1)
    if plain and not _NUMBER.fullmatch(plain):
        raise FieldError("rating", "rating", "Must be a plain number such as 4.5")
    return plain if plain and Decimal(plain) else ""


def _rated_at(layout: Layout, fields: Sequence[str]) -> datetime | None:
    seconds = layout.field(fields, "timestamp")
    if seconds:
        if not _SECONDS.fullmatch(seconds):
            raise FieldError("timestamp", "time", "Must be seconds since 1970")
        return _within(datetime(1970, 1, 1, tzinfo=UTC), int(seconds), "timestamp")
    written = layout.field(fields, "rated_at")
    if not written:
        return None
    message = "Must be a date such as 2024-05-31, or empty"
    if not _DATE.fullmatch(written):
        raise FieldError("rated_at", "time", message)
    try:
        instant = datetime.fromisoformat(written)
        zoned = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return _within(zoned.astimezone(UTC), 0, "rated_at")
    except (ValueError, OverflowError):
        raise FieldError("rated_at", "time", message) from None


def _within(start: datetime, seconds: int, column: str) -> datetime:
    """Add seconds to an instant; refuse one that no rating can have."""
    try:
        instant = start + timedelta(seconds=seconds)
    except OverflowError:
        instant = _YEARS[1]
    if not _YEARS[0] <= instant < _YEARS[1]:
        raise FieldError(column, "time", "Must be a date from 1900 to 2999")
    return instant


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


def _off_the_scale(rows: Sequence[RatedTitle], scale: int) -> list[Fault]:
    message = f"Must be above 0 and at most {scale}"
    return [
        Fault(row.line, "rating", "range", message)
        for row in rows
        if row.written
        and not 0 < Decimal(row.written) <= (10 if row.is_of_ten else scale)
    ]


def _converted(row: RatedTitle, scale: int) -> RatedTitle:
    if not row.written:
        return row
    own_scale = 10 if row.is_of_ten else scale
    value, is_rounded = half_stars(Decimal(row.written), own_scale)
    return replace(row, value=value, is_rounded=is_rounded)
