"""Bodies of many rows at once."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from api.schemas.base import (
    MAX_GENRES,
    Body,
    BodyId,
    FieldErrorOut,
    Genre,
    Out,
    RatedAt,
    Stars,
    Year,
    clean_text,
)


class BulkRating(Body):
    """A rating of any user; `rated_at` defaults to now, or to the stored time."""

    user_id: BodyId
    movie_id: BodyId
    value: Stars
    rated_at: RatedAt | None = None


class BulkMovie(Body):
    """A movie to store; missing fields are unknown."""

    id: BodyId
    title: Annotated[str, Field(max_length=300), AfterValidator(clean_text)]
    year: Year | None = None
    genres: Annotated[list[Genre], Field(max_length=MAX_GENRES, default_factory=list)]
    imdb_id: BodyId | None = None
    tmdb_id: BodyId | None = None


class BulkUser(Body):
    """A user without credentials."""

    id: BodyId


class BulkRow(Out):
    """The result of one line; `errors` says why it was refused."""

    line: int
    status: Literal["added", "replaced", "unchanged", "refused"]
    errors: list[FieldErrorOut]


class BulkReport(Out):
    """The result of a bulk request; all rows that are not refused are stored."""

    n_added: int
    n_replaced: int
    n_unchanged: int
    n_refused: int
    rows: list[BulkRow]
