"""Bodies of statistics, maps and questions."""

from datetime import datetime

from api.schemas.base import Out
from api.schemas.movies import HistogramBin, MovieOut
from api.schemas.recommendations import ModelReference, Personalization


class MonthCount(Out):
    """The number of ratings in a month, such as `2015-03`."""

    month: str
    count: int


class RatingInsights(Out):
    """All ratings by stars and by month, and users by mean rating, as of `as_of`."""

    as_of: datetime
    n_ratings: int
    n_users: int
    distribution: list[HistogramBin]
    activity: list[MonthCount]
    strictness: list[HistogramBin]


class PopularityInsights(Out):
    """`n_movies[j]` movies have `n_ratings[j]` ratings each."""

    n_ratings: list[int]
    n_movies: list[int]
    top: list[MovieOut]


class GenreInsight(Out):
    """A genre; a movie counts in all its genres."""

    name: str
    n_movies: int
    n_ratings: int
    mean_rating: float | None


class GenreInsights(Out):
    """All genres, by name."""

    items: list[GenreInsight]


class PolarizingMovie(Out):
    """A movie, the variance of its ratings, and the usual variance at its mean."""

    movie: MovieOut
    variance: float
    expected_variance: float


class PolarizingMovies(Out):
    """The movies whose ratings vary most.

    The usual variance at a mean is `usual_share` of the largest possible one.
    """

    usual_share: float
    items: list[PolarizingMovie]


class MovieMap(Out):
    """Movies along the principal axes of a model's factors, one list per property.

    `coordinates` has one list per axis, `explained` the share of variance of each axis,
    `genres` the positions of each movie's genres in `genre_names`.
    """

    model: ModelReference
    explained: list[float]
    ids: list[int]
    coordinates: list[list[float]]
    n_ratings: list[int]
    years: list[int | None]
    genre_names: list[str]
    genres: list[list[int]]


class GenreMap(Out):
    """Genres along the principal axes of their directions in the factor space."""

    model: ModelReference
    explained: list[float]
    names: list[str]
    coordinates: list[list[float]]
    n_movies: list[int]


class UserPosition(Out):
    """A user's position along the axes of a model's movie map.

    It rests on `n_ratings_used` ratings, and on votes with less weight.
    """

    model: ModelReference
    n_ratings_used: int
    position: list[float]


class Elicitation(Out):
    """Movies to ask about next, the most informative first.

    `knowledge` is the share of the prior variance that the user's ratings have removed.
    """

    model: ModelReference | None
    personalization: Personalization
    knowledge: float
    items: list[MovieOut]
