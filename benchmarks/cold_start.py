"""Accuracy of each preset on items and users with few ratings.

    python -m benchmarks.cold_start FOLDER [--only ml-100k ...] [--splits 1]

Two tables a set, an "RMSE / NDCG@10" a cell, on the held-out ratings of the canonical
splits, every user folded in:

1. by how often the item was rated in training. The list is of items of that kind only:
   among all others a new movie would hardly ever be in the first ten.
2. of users left out of training, another tenth in each split, from their first few
   ratings. The list is of the full catalogue.

Relevant are four stars or more; what the user rated in training is in no list.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from benchmarks.accuracy import fit, newcomers
from benchmarks.public_sets import PublicSet, command_line
from engine.arrays import BoolVector
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut, Split
from engine.evaluation.metrics import ndcg_at_k
from engine.model.configuration import BIASES, PLAIN, RANKING, RATING, HeadConfig
from engine.model.heads import Head
from engine.paper.configuration import PAPER_PRESETS
from engine.serving.fold_in import fold_in
from engine.serving.ranking import top_k

MANY = 10**9
BUCKETS = {"0": (0, 0), "1-5": (1, 5), "6-20": (6, 20), "more": (21, MANY)}
FEW = {"1": 1, "3": 3, "5": 5, "10": 10, "all": MANY}
K, RELEVANT_FROM = 10, 4.0

Figures = tuple[float, float]
Build = Callable[[PublicSet, Ratings], Head]


def main() -> None:
    """Print the tables."""
    arguments = command_line(__doc__).parse_args()
    for name in arguments.only:
        data = PublicSet.read(arguments.folder, name)
        splits = list(data.splits(arguments.splits))
        print(f"\n{name}, {len(splits)} splits; by training ratings of the item")
        print_table(by_item, data, splits, BUCKETS)
        print(
            f"\n{name}, {len(splits)} splits; users by ratings they are folded in from"
        )
        print_table(by_user, data, splits, FEW)


def presets() -> Mapping[str, Build]:
    """Name what to train: the paper's models, the engine's rating heads, its ranker."""

    def head(data: PublicSet, train: Ratings, *, setting: HeadConfig) -> Head:
        return fit(data, train, setting).head

    return {
        **{f"paper's {n}": partial(head, setting=s) for n, s in PAPER_PRESETS.items()},
        "biases": partial(head, setting=BIASES),
        "plain": partial(head, setting=PLAIN),
        "default": partial(head, setting=RATING),
        "ranking head": partial(head, setting=RANKING),
    }


def print_table(
    measure: Callable[[Build, PublicSet, int, Split], list[Figures]],
    data: PublicSet,
    splits: list[Split],
    columns: Mapping[str, object],
) -> None:
    """Print one line per preset, its figures averaged over the splits."""
    print("|".join(["", "", *columns, ""]))
    print("|---" * (len(columns) + 1) + "|")
    for name, build in presets().items():
        found = [measure(build, data, n, split) for n, split in enumerate(splits)]
        means = np.nanmean(found, axis=0)
        if name == "ranking head":
            means[:, 0] = np.nan  # its scores are no stars
        cells = (f"{error:.4f} / {gain:.4f}" for error, gain in means)
        print("|".join(["", name, *cells, ""]).replace("nan", "-"), flush=True)


def by_item(build: Build, data: PublicSet, _: int, split: Split) -> list[Figures]:
    """Measure on the items of each bucket."""
    head, counts = build(data, split.train), split.train.by_item.counts
    return [
        judge(head, data, split.train, split.test, (counts >= low) & (counts <= high))
        for low, high in BUCKETS.values()
    ]


def by_user(build: Build, data: PublicSet, seed: int, split: Split) -> list[Figures]:
    """Measure on users whom training has not seen, from some of their ratings."""
    test, rest = newcomers(split, seed=seed)
    head, everything = build(data, rest), np.ones(rest.n_items, dtype=np.bool_)
    return [
        judge(head, data, split.train, test, everything, given=n) for n in FEW.values()
    ]


def judge(
    head: Head,
    data: PublicSet,
    histories: Ratings,
    test: HeldOut,
    among: BoolVector,
    *,
    given: int = MANY,
) -> Figures:
    """Fold each user in from `given` ratings; RMSE and NDCG@10 `among` some items."""
    rng = np.random.default_rng(1)
    errors: list[float] = []
    gains: list[float] = []
    for user in np.unique(test.user_indices):
        items, values = histories.by_user.row(user)
        kept = rng.permutation(len(items))[:given]
        features = data.features_of_user(user, head)
        folded_user = fold_in(head, items[kept], values[kept], user_features=features)
        scores = head.scores(folded_user)
        mine = (test.user_indices == user) & among[test.item_indices]
        judged, stars = test.item_indices[mine], test.values[mine]
        errors.extend(np.clip(scores[judged], *histories.value_range) - stars)
        relevant = judged[stars >= RELEVANT_FROM]
        if len(relevant) > 0:
            found = top_k(scores, K, candidates=np.flatnonzero(among), excluded=items)
            gains.append(ndcg_at_k(found, relevant, k=K))
    return float(np.sqrt(np.mean(np.square(errors)))), float(np.mean(gains))


if __name__ == "__main__":
    main()
