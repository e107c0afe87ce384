"""The operations of programs that serve people, as descriptions of requests."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict, Unpack

from api.clients.cinefold.requests import (
    Request,
    ask,
    get,
    get_text,
    put,
    send_file,
    without_reply,
)
from api.clients.cinefold.transports import operation, paged
from api.schemas.account import Me
from api.schemas.base import Body, Vote
from api.schemas.bulk import BulkMovie, BulkRating, BulkReport, BulkUser
from api.schemas.health import Live, Ready
from api.schemas.insights import (
    Elicitation,
    GenreInsights,
    PolarizingMovies,
    PopularityInsights,
    RatingInsights,
)
from api.schemas.movies import Genres, MovieDetail, MoviePage
from api.schemas.ratings import (
    FileFormat,
    FileScale,
    ImportReport,
    RatingOut,
    RatingPage,
)
from api.schemas.recommendations import (
    Explanation,
    FeedbackOut,
    HiddenPage,
    Influence,
    PredictionPage,
    Recommendations,
    SimilarMovies,
)

PAGE = 100  # entries; the most that the service gives at once
Sort = Literal["popular", "title", "year", "polarizing"]
Stars = Mapping[int, float]
"""Ratings of somebody, by movie id."""


class ListOptions(TypedDict, total=False):
    """Options of a list of recommendations: its filters, and how it is made."""

    limit: int
    genre: str
    year_from: int
    year_to: int
    max_ratings: int
    exclude: Sequence[int]
    similar_to: int
    diversity: float
    exploration: float


class Filters(TypedDict, total=False):
    """Which movies are asked for."""

    genre: str
    year_from: int
    year_to: int


class Operations:
    """The operations; each client makes methods of them that send the request."""

    # Health.

    @operation
    def live(self) -> Request[Live]:
        """Ask whether the process answers."""
        return get("/health/live", Live)

    @operation
    def ready(self) -> Request[Ready]:
        """Ask whether the service can do its work, and with which model."""
        return get("/health/ready", Ready)

    @operation
    def me(self) -> Request[Me]:
        """Show the account that the API key belongs to."""
        return get("/me", Me)

    # Movies.

    @paged
    def movies(
        self,
        *,
        query: str | None = None,
        sort: Sort = "popular",
        ids: Sequence[int] = (),
        page_size: int = PAGE,
        **filters: Unpack[Filters],
    ) -> Request[MoviePage]:
        """Browse movies; with `query`, the best matches come first."""
        params = {"query": query, "sort": sort, "movie_id": ids, "limit": page_size}
        return get("/movies", MoviePage, **params, **filters)

    @operation
    def movie(self, movie_id: int) -> Request[MovieDetail]:
        """Show one movie."""
        return get(f"/movies/{movie_id}", MovieDetail)

    @operation
    def similar_movies(
        self, movie_id: int, *, limit: int = 12
    ) -> Request[SimilarMovies]:
        """List the movies that the model finds most like this one."""
        return get(f"/movies/{movie_id}/similar", SimilarMovies, limit=limit)

    @operation
    def genres(self) -> Request[Genres]:
        """List the genres."""
        return get("/genres", Genres)

    # Ratings.

    @paged
    def ratings(self, user_id: int, *, page_size: int = PAGE) -> Request[RatingPage]:
        """List a user's ratings, newest first."""
        return get(f"/ratings/{user_id}", RatingPage, limit=page_size)

    @operation
    def rating(self, user_id: int, movie_id: int) -> Request[RatingOut]:
        """Read one rating."""
        return get(f"/ratings/{user_id}/{movie_id}", RatingOut)

    @operation
    def rate(self, user_id: int, movie_id: int, stars: float) -> Request[RatingOut]:
        """Rate a movie, replacing an earlier rating."""
        return put(f"/ratings/{user_id}/{movie_id}", RatingOut, {"value": stars})

    @operation
    def delete_rating(self, user_id: int, movie_id: int) -> Request[None]:
        """Take a rating back."""
        return without_reply("DELETE", f"/ratings/{user_id}/{movie_id}")

    @operation
    def import_ratings(
        self,
        user_id: int,
        csv: str | bytes,
        *,
        scale: FileScale | None = None,
        is_dry_run: bool = False,
    ) -> Request[ImportReport]:
        """Import a file of ratings: all of it, or nothing if any line is faulty."""
        content = csv.encode() if isinstance(csv, str) else csv
        return send_file(
            f"/ratings/{user_id}/import",
            ImportReport,
            content,
            media_type="text/csv",
            scale=scale,
            dry_run=is_dry_run,
        )

    @operation
    def export_ratings(
        self, user_id: int, *, file_format: FileFormat = "csv"
    ) -> Request[str]:
        """Export all of a user's ratings as a CSV file."""
        return get_text(f"/ratings/{user_id}/export", format=file_format)

    @operation
    def influence(self, user_id: int) -> Request[Influence]:
        """Measure how much each rating of a user shapes their recommendations."""
        return get(f"/ratings/{user_id}/influence", Influence)

    @operation
    def bulk_ratings(self, rows: Iterable[BulkRating]) -> Request[BulkReport]:
        """Store up to 10,000 ratings of any users."""
        return bulk("/bulk/ratings", rows)

    @operation
    def bulk_movies(self, rows: Iterable[BulkMovie]) -> Request[BulkReport]:
        """Store up to 10,000 movies."""
        return bulk("/bulk/movies", rows)

    @operation
    def bulk_users(self, rows: Iterable[BulkUser]) -> Request[BulkReport]:
        """Create up to 10,000 users without credentials."""
        return bulk("/bulk/users", rows)

    # Recommendations.

    @operation
    def recommendations(
        self, user_id: int, **options: Unpack[ListOptions]
    ) -> Request[Recommendations]:
        """Recommend movies that a user has not rated."""
        return get(f"/recommendations/{user_id}", Recommendations, **options)

    @operation
    def recommend(
        self, ratings: Stars, **options: Unpack[ListOptions]
    ) -> Request[Recommendations]:
        """Recommend movies by ratings that are not stored."""
        body = {"ratings": inline(ratings), **options}
        return ask("/recommendations", Recommendations, body)

    @operation
    def explanation(self, user_id: int, movie_id: int) -> Request[Explanation]:
        """Explain the predicted rating of one movie for one user."""
        path = f"/recommendations/{user_id}/{movie_id}/explanation"
        return get(path, Explanation)

    @operation
    def explain(self, ratings: Stars, movie_id: int) -> Request[Explanation]:
        """Explain the predicted rating of one movie by ratings that are not stored."""
        path = f"/recommendations/{movie_id}/explanation"
        return ask(path, Explanation, {"ratings": inline(ratings)})

    @paged
    def predictions(
        self,
        user_id: int,
        *,
        ids: Sequence[int] = (),
        page_size: int = PAGE,
        **filters: Unpack[Filters],
    ) -> Request[PredictionPage]:
        """Predict a user's stars; the movie with most stars comes first."""
        path, params = f"/predictions/{user_id}", {"movie_id": ids, "limit": page_size}
        return get(path, PredictionPage, **params, **filters)

    @operation
    def predict(
        self,
        ratings: Stars,
        *,
        ids: Sequence[int] = (),
        limit: int = PAGE,
        cursor: str | None = None,
        **filters: Unpack[Filters],
    ) -> Request[PredictionPage]:
        """Predict stars by ratings that are not stored, a page at a time."""
        body = {"movie_ids": ids, "limit": limit, "cursor": cursor, **filters}
        return ask("/predictions", PredictionPage, {"ratings": inline(ratings), **body})

    @operation
    def elicitation(
        self, user_id: int, *, limit: int = 5, exclude: Sequence[int] = ()
    ) -> Request[Elicitation]:
        """Choose the movies whose ratings would tell most about a user."""
        path = f"/elicitation/{user_id}"
        return get(path, Elicitation, limit=limit, exclude=exclude)

    @operation
    def elicit(
        self, ratings: Stars, *, limit: int = 5, exclude: Sequence[int] = ()
    ) -> Request[Elicitation]:
        """Choose the movies to ask about next, by ratings that are not stored."""
        body = {"ratings": inline(ratings), "limit": limit, "exclude": exclude}
        return ask("/elicitation", Elicitation, body)

    # Feedback.

    @operation
    def vote(
        self, recommendation_id: str, movie_id: int, vote: Vote
    ) -> Request[FeedbackOut]:
        """Like or dislike a recommended movie, or take the vote back."""
        body = {
            "recommendation_id": recommendation_id,
            "movie_id": movie_id,
            "vote": vote,
        }
        return put("/feedback", FeedbackOut, body)

    @paged
    def hidden(self, user_id: int, *, page_size: int = PAGE) -> Request[HiddenPage]:
        """List the movies that a user has hidden, the last one first."""
        return get(f"/hidden/{user_id}", HiddenPage, limit=page_size)

    @operation
    def hide(self, user_id: int, movie_id: int) -> Request[None]:
        """Keep a movie out of all lists of a user."""
        return without_reply("PUT", f"/hidden/{user_id}/{movie_id}")

    @operation
    def unhide(self, user_id: int, movie_id: int) -> Request[None]:
        """Show a hidden movie again."""
        return without_reply("DELETE", f"/hidden/{user_id}/{movie_id}")

    # Insights.

    @operation
    def rating_insights(self) -> Request[RatingInsights]:
        """Count all ratings by stars, months and users."""
        return get("/insights/ratings", RatingInsights)

    @operation
    def popularity_insights(self) -> Request[PopularityInsights]:
        """Count how many movies have how many ratings."""
        return get("/insights/popularity", PopularityInsights)

    @operation
    def genre_insights(self) -> Request[GenreInsights]:
        """Show movies, ratings and mean rating of each genre."""
        return get("/insights/genres", GenreInsights)

    @operation
    def polarizing_movies(
        self,
        *,
        by: Literal["variance", "excess"] = "variance",
        min_ratings: int = 10,
        limit: int = 20,
    ) -> Request[PolarizingMovies]:
        """List the movies on which opinions differ most."""
        params = {"by": by, "min_ratings": min_ratings, "limit": limit}
        return get("/insights/polarizing", PolarizingMovies, **params)


def inline(ratings: Stars) -> list[dict[str, float]]:
    """List ratings as the service reads them in a request."""
    return [{"movie_id": movie, "value": stars} for movie, stars in ratings.items()]


def bulk(path: str, rows: Iterable[Body]) -> Request[BulkReport]:
    """Send one JSON document a line."""
    lines = [row.model_dump_json(exclude_unset=True) for row in rows]
    content = "\n".join(lines).encode()
    return send_file(path, BulkReport, content, media_type="application/x-ndjson")
