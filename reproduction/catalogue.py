"""A data set in memory, its movies in the order of the ratings' items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from engine import FoldedUser, Head, MovieLens, Ratings, top_k
from engine.arrays import BoolVector, FloatVector, IndexVector
from engine.data.movielens import Movie
from engine.errors import DataError
from engine.insights import Genres, ItemStatistics, genres_of, item_statistics
from reproduction.results import MovieRow

LEAST_RATINGS = 10
"""The paper's Table 4 asks for so many; lists and maps here do too, since a movie with
one rating of five stars would otherwise lead all of them."""
LIST_LENGTH = 10
_LEAST_MOVIES, _LEAST_GENRES = 30, 3


@dataclass(frozen=True)
class Catalogue:
    """A data set in memory: movies in the order of the ratings' items."""

    name: str
    ratings: Ratings
    movies: Sequence[Movie]
    genres: Genres
    statistics: ItemStatistics

    @classmethod
    def read(cls, dataset: MovieLens, *, name: str) -> Self:
        """Read movies and ratings; movies nobody rated keep a row.

        Raises
        ------
        DataError
            The data set is unreadable, or too small for the paper's tables.
        """
        by_id = {movie.id: movie for movie in dataset.movies()}
        known = np.fromiter(by_id, dtype=np.int64, count=len(by_id))
        ratings = dataset.ratings().to_ratings(items=known)
        movies = [
            by_id.get(item_id) or Movie(item_id, f"Movie {item_id}", None, ())
            for item_id in ratings.item_ids.tolist()
        ]
        catalogue = cls(
            name=name,
            ratings=ratings,
            movies=movies,
            genres=genres_of([movie.genres for movie in movies]),
            statistics=item_statistics(ratings),
        )
        catalogue._check_size()
        return catalogue

    @property
    def is_known(self) -> BoolVector:
        """Whether an item has enough ratings to speak of."""
        is_known: BoolVector = self.statistics.counts >= LEAST_RATINGS
        return is_known

    @property
    def known(self) -> IndexVector:
        """Items with enough ratings to speak of."""
        return np.flatnonzero(self.is_known).astype(np.int32)

    def title(self, index: int) -> str:
        """Title and year of one item."""
        movie = self.movies[index]
        return movie.title if movie.year is None else f"{movie.title} ({movie.year})"

    def titles(self, indices: IndexVector) -> list[str]:
        """Titles of some items."""
        return [self.title(index) for index in indices.tolist()]

    def rows(self, indices: IndexVector, scores: FloatVector) -> list[MovieRow]:
        """Describe the items of a list, with the score that ordered each."""
        counts, means = self.statistics.counts, self.statistics.means
        return [
            MovieRow(self.title(i), int(counts[i]), float(means[i]), float(scores[i]))
            for i in indices.tolist()
        ]

    def recommend(self, head: Head, folded_user: FoldedUser) -> IndexVector:
        """List the best movies with enough ratings that a user has not rated."""
        return top_k(
            head.scores(folded_user),
            LIST_LENGTH,
            excluded=folded_user.item_indices,
            candidates=self.known,
        )

    def _check_size(self) -> None:
        n_known, n_genres = len(self.known), len(self.genres.names)
        if n_known < _LEAST_MOVIES:
            raise DataError(
                f"{self.name}: {n_known} movies have {LEAST_RATINGS} ratings or more, "
                f"the tables need {_LEAST_MOVIES}; choose a larger data set"
            )
        if n_genres < _LEAST_GENRES:
            raise DataError(
                f"{self.name}: movies.csv names {n_genres} genres, a map of them needs "
                f"{_LEAST_GENRES}; choose a data set with genres"
            )
