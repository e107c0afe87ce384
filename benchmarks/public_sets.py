"""Public rating sets with canonical splits, read from a folder that you provide.

None of them is bundled: their licences forbid it. The folder holds one folder a set,
named as in `SETS`, with the official files; ratings as `ratings.parquet` (columns
user, item, rating, and the canonical folds) or `ratings.csv`. Needs `pyarrow`.
"""

import csv
import re
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow.csv
import pyarrow.parquet
from scipy import sparse

from engine.data.features import one_hot
from engine.data.ratings import Ratings
from engine.data.splits import Split, split_at
from engine.model.heads import Head

SETS = (
    "ml-100k",
    "ml-1m",
    "ml-latest-small",
    "ml-latest-head2149",
    "filmtrust",
    "ciaodvd",
    "jester-1",
)


def command_line(
    purpose: str, *, sets: Sequence[str] = SETS, n_splits: int | None = None
) -> ArgumentParser:
    """Make a parser of the folder, the sets and the number of splits to use."""
    parser = ArgumentParser(description=purpose.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the rating sets are")
    parser.add_argument("--only", nargs="+", choices=SETS, default=sets)
    parser.add_argument(
        "--splits", type=int, default=n_splits, help=f"of each set; {n_splits or 'all'}"
    )
    return parser


@dataclass(frozen=True)
class PublicSet:
    """One rating set.

    Attributes
    ----------
    name : str
    ratings : Ratings
    folds : tuple of ndarray of bool
        What each canonical split holds out, in the order of ``ratings.by_user``.
    item_features, user_features : scipy.sparse.csr_array or None
        Genres and half decades; sex, age group and occupation. One-hot.
    """

    name: str
    ratings: Ratings
    folds: tuple[npt.NDArray[np.bool_], ...]
    item_features: sparse.csr_array | None
    user_features: sparse.csr_array | None

    @classmethod
    def read(cls, root: Path, name: str) -> Self:
        """Read the set `name` from its folder in `root`."""
        folder = root / name
        table = _table(folder)
        if name == "jester-1":
            table = _of_some_users(table)
        users, items, values = table["user"], table["item"], table["rating"]
        ratings = Ratings.from_arrays(users, items, values)
        order = np.lexsort((items, users))
        movies, people = dict(_movies(folder)), dict(_people(folder))
        return cls(
            name=name,
            ratings=ratings,
            folds=tuple(fold[order] for fold in _folds(table, len(values))),
            item_features=_features(ratings.item_ids, movies),
            user_features=_features(ratings.user_ids, people),
        )

    @property
    def relevant_from(self) -> float:
        """The least rating of an item that a list should hold, by the set's scale."""
        return {"filmtrust": 3.5, "jester-1": 5.0}.get(self.name, 4.0)

    def features_of_user(
        self, user_index: int, head: Head
    ) -> npt.NDArray[np.float64] | None:
        """Return one row of the user features, if the head takes any."""
        if self.user_features is None:
            return None
        row: npt.NDArray[np.float64] = self.user_features[[user_index]].toarray()[0]
        return row[: head.n_user_features]

    def splits(self, n: int | None = None) -> Iterator[Split]:
        """Divide by the first `n` canonical splits, all by default."""
        for fold in self.folds[:n]:
            yield split_at(self.ratings, fold)


def _table(folder: Path) -> dict[str, npt.NDArray[Any]]:
    if (folder / "ratings.parquet").exists():
        table = pyarrow.parquet.read_table(folder / "ratings.parquet")
    else:
        table = pyarrow.csv.read_csv(folder / "ratings.csv")
    short = {"user_id": "user", "userId": "user", "item_id": "item", "movieId": "item"}
    return {
        short.get(name, name): table[name].to_numpy() for name in table.column_names
    }


def _folds(
    table: dict[str, npt.NDArray[Any]], n_ratings: int
) -> Iterator[npt.NDArray[np.bool_]]:
    """u1 to u5 of ml-100k, three tenths of ml-1m, random tenths of the others."""
    if "fold" in table:
        yield from (table["fold"] == fold for fold in range(1, 6))
    elif "fold10" in table:
        yield from (table["fold10"] == fold for fold in range(3))
    else:
        seeds = range(5) if "timestamp" in table else range(1000, 1003)
        for seed in seeds:
            chosen = np.random.default_rng(seed).permutation(n_ratings)
            held_out = np.zeros(n_ratings, dtype=np.bool_)
            held_out[chosen[: n_ratings // 10]] = True
            yield held_out


def _of_some_users(table: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Keep 3,000 users of Jester, drawn from all in the order of the file."""
    users = np.array(list(dict.fromkeys(table["user"].tolist())))
    chosen = np.random.default_rng(0).choice(users, 3000, replace=False)
    kept = np.isin(table["user"], chosen)
    return {name: column[kept] for name, column in table.items()}


def _movies(folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Genres and half decade of each movie."""
    if (folder / "u.item").exists():
        lines = (folder / "u.item").read_text("latin-1").splitlines()
        for fields in (line.split("|") for line in lines):
            genres = [
                f"genre {at}" for at, flag in enumerate(fields[5:]) if flag == "1"
            ]
            yield int(fields[0]), genres + _era(fields[1])
        return
    for movie_id, title, genres in _movie_rows(folder):
        yield int(movie_id), [*genres.split("|"), *_era(title)]


def _movie_rows(folder: Path) -> Iterator[tuple[Any, ...]]:
    """Id, title and genres of each movie, whatever the file's format."""
    if (folder / "movies.dat").exists():
        lines = (folder / "movies.dat").read_text("latin-1").splitlines()
        yield from (tuple(line.split("::")) for line in lines)
    elif (folder / "movies.parquet").exists():
        table = pyarrow.parquet.read_table(folder / "movies.parquet").to_pydict()
        yield from zip(*table.values(), strict=True)
    elif (folder / "movies.csv").exists():
        with (folder / "movies.csv").open(encoding="utf-8") as file:
            yield from (tuple(row) for row in list(csv.reader(file))[1:])


def _era(title: str) -> list[str]:
    years = re.findall(r"\((\d{4})", title)
    return [f"years {int(years[-1]) // 5 * 5}"] if years else []


def _people(folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Sex, age group and occupation of each user, where they are known."""
    if (folder / "u.user").exists():
        for line in (folder / "u.user").read_text("latin-1").splitlines():
            user_id, age, sex, occupation, _ = line.split("|")
            yield int(user_id), [sex, f"age {int(age) // 5 * 5}", occupation]
    elif (folder / "users.dat").exists():
        for line in (folder / "users.dat").read_text("latin-1").splitlines():
            user_id, sex, age, occupation, _ = line.split("::")
            yield int(user_id), [sex, f"age {age}", f"occupation {occupation}"]


def _features(
    ids: npt.NDArray[np.int64], words: dict[int, list[str]]
) -> sparse.csr_array | None:
    return one_hot([words.get(key, []) for key in ids.tolist()]) if words else None
