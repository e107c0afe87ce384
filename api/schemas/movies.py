"""Bodies of movies and genres."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from api.schemas.base import (
    CursorText,
    Genre,
    MovieIds,
    Out,
    PageSize,
    Year,
    clean_text,
)

SortName = Literal["popular", "title", "year", "polarizing"]


class MovieFilter(BaseModel):
    """A filter of movies, in a query or in a body."""

    genre: Genre | None = None
    year_from: Year | None = None
    year_to: Year | None = None

    @field_validator("year_to")
    @classmethod
    def is_a_range(cls, year_to: int | None, info: ValidationInfo) -> int | None:
        """Refuse a range of years that ends before it begins."""
        year_from = info.data.get("year_from")
        if year_from is not None and year_to is not None and year_to < year_from:
            raise PydanticCustomError("range", "Must not be before year_from")
        return year_to


class MovieQuery(MovieFilter):
    """A request for one page of movies."""

    query: Annotated[
        str | None,
        Field(min_length=1, max_length=100, description="typo-tolerant title search"),
        AfterValidator(lambda text: text if text is None else clean_text(text)),
    ] = None
    movie_id: Annotated[MovieIds, Field(default_factory=list)]
    sort: SortName = "popular"
    limit: PageSize = 24
    cursor: CursorText | None = None


class MovieOut(Out):
    """A movie with the number and the mean of its ratings."""

    id: int
    title: str
    year: int | None
    genres: list[str]
    n_ratings: int
    mean_rating: float | None


class MoviePage(Out):
    """One page of movies."""

    items: list[MovieOut]
    next_cursor: str | None


class HistogramBin(Out):
    """The number of ratings with a value."""

    value: float
    count: int


class MovieHistogram(Out):
    """The histogram of the ratings of a movie."""

    movie_id: int
    histogram: list[HistogramBin]


class Histograms(Out):
    """The histograms of several movies."""

    items: list[MovieHistogram]


class MovieDetail(MovieOut):
    """A movie with the distribution of its ratings.

    `calmer_share` is the share of movies with less variance, among those with at least
    ten ratings; null for a movie with fewer. `synopsis` and `poster_url` come from
    `description_source`, which must be named beside them; null until `cinefold enrich`
    has fetched them.
    """

    histogram: list[HistogramBin]
    calmer_share: float | None
    imdb_id: int | None
    tmdb_id: int | None
    synopsis: str | None
    poster_url: str | None
    description_source: str | None


class GenreOut(Out):
    """A genre and the number of its movies."""

    name: str
    n_movies: int


class Genres(Out):
    """All genres, by name."""

    items: list[GenreOut]
