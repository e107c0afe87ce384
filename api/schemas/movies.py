"""Bodies of movies and genres."""

from api.schemas.base import Out


class MovieOut(Out):
    """A movie and what its ratings add up to."""

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
    """How many ratings have this value."""

    value: float
    count: int


class MovieHistogram(Out):
    """How the ratings of one movie spread."""

    movie_id: int
    histogram: list[HistogramBin]


class Histograms(Out):
    """How the ratings of several movies spread."""

    items: list[MovieHistogram]


class MovieDetail(MovieOut):
    """A movie with the distribution of its ratings.

    `calmer_share`: of all movies with at least ten ratings, the share on which opinions
    differ less, by variance; null for a movie with fewer itself. `synopsis` and
    `poster_url` come from the `description_source`, which is to be named with them;
    null where `cinefold enrich` has brought none.
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
