"""Accuracy of both heads on public rating sets: one command, four tables.

    python -m benchmarks.accuracy FOLDER [--only ml-100k ...] [--splits 1]

1. RMSE on the canonical splits, beside biases alone.
2. NDCG@10 of the ranking head: 10 % of each user's ratings held out, relevant from
   four stars (filmtrust 3.5, jester 5 of 10), full catalogue, movies seen in training
   removed.
3. Users left out of training and folded in: from all their ratings, beside a training
   with them; from their first few, beside biases alone; and how many of their held-out
   ratings lie inside 80 % intervals.
4. Log-loss of the levels that held-out ratings have, on scales of few levels: of the
   normal alone, and with what the head knows of how people use the levels.

Cold items and users in detail: `benchmarks.cold_start`.
"""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from benchmarks.public_sets import PublicSet, command_line
from engine.arrays import ExactMatrix, Indices
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut, Split, split_by_user
from engine.evaluation.compare import Comparison, Measured, estimate, measure
from engine.evaluation.methods import Name, TrainedHead
from engine.evaluation.metrics import rmse
from engine.model.configuration import BIASES, RATING, HeadConfig
from engine.model.heads import Head
from engine.model.levels import Levels
from engine.serving.fold_in import (
    expected_ratings,
    fold_in,
    level_chances,
    predict,
    uncertainty,
)
from engine.training.fit import fit_head
from engine.training.sweeps import Training

FEW = (0, 1, 3, 5, 10, 20)
ALL = 10**9


def main() -> None:
    """Print the tables."""
    arguments = command_line(__doc__).parse_args()
    for name in arguments.only:
        data = PublicSet.read(arguments.folder, name)
        print(f"\n{name}: {data.ratings.n_ratings:,} ratings")
        for table in (rmse_table, ranking_table, fold_in_table, levels_table):
            for line in table(data, arguments.splits):
                print(f"  {line}", flush=True)


def fit(data: PublicSet, train: Ratings, configuration: HeadConfig) -> Training:
    """Train one head."""
    return fit_head(
        train,
        configuration,
        item_features=data.item_features,
        user_features=data.user_features,
        rng=np.random.default_rng(1),
    )


def rmse_table(data: PublicSet, n_splits: int | None) -> Iterator[str]:
    """RMSE on held-out ratings, one line per method."""
    names: tuple[Name, ...] = "biases", "rating head"
    measured = compared(data, list(data.splits(n_splits)), names)
    for name in names:
        found = [total_rmse(each) for each in measured[name]]
        yield f"RMSE  {name:<14}{np.mean(found):.4f}   {np.round(found, 4)}"


def compared(
    data: PublicSet, splits: list[Split], names: tuple[Name, ...]
) -> dict[Name, list[Measured]]:
    """Measure some methods on each split."""
    comparison = Comparison(
        item_features=data.item_features,
        user_features=data.user_features,
        names=names,
        seed=1,
        relevant_from=data.relevant_from,
    )
    measured: dict[Name, list[Measured]] = {name: [] for name in names}
    for split in splits:
        for found in comparison.run(split):
            measured[found.name].append(found.measured)
    return measured


def total_rmse(measured: Measured) -> float:
    """RMSE over all held-out ratings."""
    squares = measured.squares
    assert squares is not None  # noqa: S101 - asked of methods that predict stars
    return float(np.sqrt(squares.totals.sum() / squares.counts.sum()))


def error(data: PublicSet, training: Training, split: Split) -> float:
    """Compute the RMSE of predictions, which are on the scale."""
    head = TrainedHead(training, split.train, data.user_features)
    return total_rmse(measure(head, split))


def ranking_table(data: PublicSet, n_splits: int | None) -> Iterator[str]:
    """NDCG@10 with its interval, one line per method."""
    seeds = range(min(n_splits or 3, 3))
    splits = [
        split_by_user(data.ratings, rng=np.random.default_rng(seed)) for seed in seeds
    ]
    measured = compared(data, splits, ("popularity", "ranking head"))
    for name, each in measured.items():
        found = estimate([part.ndcg for part in each])
        half = (found.high - found.low) / 2
        yield f"NDCG  {name:<14}{found.value:.4f} ± {half:.4f}, {len(splits)} splits"


def fold_in_table(data: PublicSet, n_splits: int | None) -> Iterator[str]:
    """Users whom training has not seen: each split leaves out another tenth."""
    found: dict[str, list[float]] = {}
    for seed, split in enumerate(data.splits(n_splits)):
        test, rest = newcomers(split, seed=seed)
        everybody = fit(data, split.train, RATING)
        together = error(data, everybody, Split(rest, test))
        found.setdefault("trained with them", []).append(together)
        for name, configuration in (("biases", BIASES), ("rating head", RATING)):
            training = fit(data, rest, configuration)
            for n in (*FEW, ALL):
                value, covered = folded_in(training, data, split.train, test, n)
                found.setdefault(f"{name} {n}", []).append(value)
            found.setdefault(f"{name} covered", []).append(covered)
    means = {name: float(np.mean(values)) for name, values in found.items()}
    yield f"fold-in  trained with them  {means['trained with them']:.4f}"
    for name in ("biases", "rating head"):
        curve = " ".join(f"{means[f'{name} {n}']:.4f}" for n in FEW)
        yield f"fold-in  {name:<19}{means[f'{name} {ALL}']:.4f}   from {FEW}: {curve}"
    yield f"fold-in  80 % intervals cover {means['rating head covered']:.1%}"


def newcomers(split: Split, *, seed: int) -> tuple[HeldOut, Ratings]:
    """Pick a tenth of the users: their held-out ratings, and training without them."""
    rng = np.random.default_rng(seed)
    n_users = split.train.n_users
    chosen = rng.choice(n_users, n_users // 10, replace=False)
    theirs = np.isin(split.test.user_indices, chosen)
    test = HeldOut(*(part[theirs] for part in vars(split.test).values()))
    return test, without(split.train, chosen)


def without(ratings: Ratings, users: Indices) -> Ratings:
    """Keep all rows and columns, but nothing that some users rated."""
    rows, columns = ratings.by_user.row_of_each(), ratings.by_user.indices
    kept = ~np.isin(rows, users)
    return Ratings.from_arrays(
        ratings.user_ids[rows[kept]],
        ratings.item_ids[columns[kept]],
        ratings.by_user.values[kept],
        users=ratings.user_ids,
        items=ratings.item_ids,
    )


def folded_in(
    training: Training, data: PublicSet, histories: Ratings, test: HeldOut, n: int
) -> tuple[float, float]:
    """Fold each tested user in from `n` of their ratings: RMSE, share within 80 %."""
    rng = np.random.default_rng(1)
    head, low_high = training.head, histories.value_range
    predicted, spread = np.zeros_like(test.values), np.zeros_like(test.values)
    for user in np.unique(test.user_indices):
        items, values = histories.by_user.row(user)
        kept = rng.permutation(len(items))[:n]
        features = data.features_of_user(user, head)
        folded_user = fold_in(head, items[kept], values[kept], user_features=features)
        mine = test.user_indices == user
        predicted[mine] = expected_ratings(head, folded_user, test.item_indices[mine])
        spread[mine] = uncertainty(head, folded_user, test.item_indices[mine])
    inside = np.abs(predicted - test.values) <= stats.norm.isf(0.1) * spread
    clipped = np.clip(predicted, *low_high)
    return rmse(clipped, test.values), float(inside.mean())


def levels_table(data: PublicSet, n_splits: int | None) -> Iterator[str]:
    """Mean of ``-log P`` over the held-out ratings of 500 users a split."""
    found = []
    for split in data.splits(n_splits):
        head = fit(data, split.train, RATING).head
        normal = Levels.of(split.train.by_user.values)
        users = np.unique(split.test.user_indices)
        chosen = np.random.default_rng(0).permutation(users)[:500].tolist()
        losses = [_losses(data, head, normal, split, user) for user in chosen]
        found.append(np.concatenate(losses, axis=1).mean(axis=1))
    if found[0].size:
        before, after = np.mean(found, axis=0)
        yield f"levels  log-loss of the normal {before:.4f}, of the head {after:.4f}"


def _losses(
    data: PublicSet, head: Head, normal: Levels, split: Split, user: int
) -> ExactMatrix:
    """``-log P`` of one user's held-out ratings by both, shape (2, n)."""
    mine = split.test.user_indices == user
    items, stars = split.test.item_indices[mine], split.test.values[mine]
    if len(normal) == 0:
        return np.zeros((0, len(stars)))
    features = data.features_of_user(user, head)
    folded = fold_in(head, *split.train.by_user.row(user), user_features=features)
    means, deviations = predict(head, folded, items), uncertainty(head, folded, items)
    chances = np.stack(
        [
            normal.chances(means.astype(float), deviations.astype(float)),
            level_chances(head, folded, items),
        ]
    )
    return -np.log(chances[:, np.arange(len(stars)), normal.index_of(stars)])


if __name__ == "__main__":
    main()
