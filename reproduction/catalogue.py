"""A data set in memory: its ratings, and its movies as a frame."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from engine import FoldedUser, Head, MovieLens, Ratings, top_k
from engine.arrays import IndexVector
from engine.data.movielens import Movie
from engine.errors import DataError
from engine.insights import Genres, ItemStatistics, genres_of, item_statistics

LEAST_RATINGS = 10
"""The paper's Table 4 requires this many. Lists and maps here do too: otherwise a movie
with a single five-star rating would lead all of them."""
LIST_LENGTH = 10
_LEAST_MOVIES, _LEAST_GENRES = 30, 3


@dataclass(frozen=True)
class Catalogue:
    """A data set in memory.

    Attributes
    ----------
    name : str
        As the report calls the data set.
    movies : DataFrame
        ``movie_id``, ``title`` (with the year), ``n_ratings`` and ``mean``; row ``i``
        describes item ``i`` of the ratings.
    known : ndarray of int32
        Items with `LEAST_RATINGS` or more.
    """

    name: str
    ratings: Ratings
    movies: pd.DataFrame
    genres: Genres
    statistics: ItemStatistics
    known: IndexVector

    @classmethod
    def read(cls, dataset: MovieLens, *, name: str) -> Self:
        """Read movies and ratings; movies without ratings keep a row.

        Raises
        ------
        DataError
            The data set is unreadable, or too small for the paper's tables.
        """
        by_id = {movie.id: movie for movie in dataset.movies()}
        catalogue_ids = np.fromiter(by_id, dtype=np.int64, count=len(by_id))
        ratings = dataset.ratings().to_ratings(items=catalogue_ids)
        movies = [
            by_id.get(movie_id) or Movie(movie_id, f"Movie {movie_id}", None, ())
            for movie_id in ratings.item_ids.tolist()
        ]
        statistics = item_statistics(ratings)
        catalogue = cls(
            name=name,
            ratings=ratings,
            movies=pd.DataFrame(
                {
                    "movie_id": ratings.item_ids,
                    "title": [_title(movie) for movie in movies],
                    "n_ratings": statistics.counts,
                    "mean": statistics.means,
                }
            ),
            genres=genres_of([movie.genres for movie in movies]),
            statistics=statistics,
            known=np.flatnonzero(statistics.counts >= LEAST_RATINGS).astype(np.int32),
        )
        catalogue._check_size()
        return catalogue

    def titles(self, indices: IndexVector) -> list[str]:
        """Titles of some items."""
        titles: list[str] = self.movies["title"].iloc[indices].tolist()
        return titles

    def recommend(self, head: Head, user: FoldedUser) -> pd.DataFrame:
        """List the best known movies that a user has not rated, with their scores."""
        scores = head.scores(user)
        best = top_k(
            scores, LIST_LENGTH, excluded=user.item_indices, candidates=self.known
        )
        return self.movies.iloc[best].assign(score=scores[best].astype(np.float64))

    def _check_size(self) -> None:
        n_known, n_genres = len(self.known), len(self.genres.names)
        if n_known < _LEAST_MOVIES:
            raise DataError(
                f"{self.name}: {n_known} movies have {LEAST_RATINGS} or more ratings; "
                f"the tables need {_LEAST_MOVIES}. Choose a larger data set"
            )
        if n_genres < _LEAST_GENRES:
            raise DataError(
                f"{self.name}: movies.csv names {n_genres} genres; the genre map needs "
                f"{_LEAST_GENRES}. Choose a data set with genres"
            )


def _title(movie: Movie) -> str:
    return movie.title if movie.year is None else f"{movie.title} ({movie.year})"
