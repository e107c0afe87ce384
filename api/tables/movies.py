"""Tables of movies and ratings."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Table


class Movie(Table):
    """A movie; its id is MovieLens's own when it was imported."""

    __tablename__ = "movies"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    year: Mapped[int | None]
    genres: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    imdb_id: Mapped[int | None]
    tmdb_id: Mapped[int | None]
    # Typo-tolerant search without an extension, which not every PostgreSQL offers.
    title_trigrams: Mapped[list[str]] = mapped_column(
        Computed("trigrams(title, ' ')", persisted=True)
    )
    # Titles that files of other services may use; compared as a whole.
    title_names: Mapped[list[str]] = mapped_column(
        Computed("title_names(title)", persisted=True)
    )

    __table_args__ = (
        Index(None, "title_trigrams", postgresql_using="gin"),
        Index(None, "genres", postgresql_using="gin"),
        Index("movies_title_idx", text("lower(title)"), "id"),
        Index(None, "imdb_id"),
        Index(None, "tmdb_id"),
    )


class Description(Table):
    """Another service's description of a movie, or the fact that it has none.

    A table of its own, so that queries of `movies` need not read past pictures.
    """

    __tablename__ = "descriptions"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    synopsis: Mapped[str | None]
    poster: Mapped[bytes | None]
    source: Mapped[str]
    described_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MovieStatistics(Table):
    """Exact sums over the ratings of a movie; a trigger on `ratings` keeps them.

    A table of its own, because each rating rewrites this row, and a row of `movies` is
    wide and indexed. Sums are integers in half stars: mean and variance never drift.
    """

    __tablename__ = "movie_statistics"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    n_ratings: Mapped[int]
    half_stars_sum: Mapped[int] = mapped_column(BigInteger)
    half_stars_sum_squares: Mapped[int] = mapped_column(BigInteger)
    # Number of ratings added, changed and removed so far; it never falls.
    n_changes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    __table_args__ = (
        Index("movie_statistics_popularity_idx", text("n_ratings DESC"), "movie_id"),
    )


class Rating(Table):
    """A user's rating of a movie, 0.5 to 5 stars in halves."""

    __tablename__ = "ratings"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    value: Mapped[float] = mapped_column(REAL)
    rated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint(
            "value BETWEEN 0.5 AND 5 AND value * 2 = floor(value * 2)",
            name="half_stars",
        ),
        Index("ratings_movie_id_idx", "movie_id", postgresql_include=["value"]),
        Index("ratings_newest_idx", "user_id", text("rated_at DESC"), "movie_id"),
    )


class RatingImport(Table):
    """An imported file of ratings, and the number of its rows by outcome."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    format: Mapped[str]
    scale: Mapped[int]
    n_added: Mapped[int]
    n_replaced: Mapped[int]
    n_unchanged: Mapped[int]
    n_skipped: Mapped[int]
    imported_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index(None, "user_id", "id"),)


class RatingSummary(Table):
    """Counts over all ratings that are too costly for a request; one row."""

    __tablename__ = "rating_summary"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n_changes: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[dict[str, Any]]
    computed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seconds: Mapped[float]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
