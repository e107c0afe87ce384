"""Effect of each constant of both default heads, without any test rating.

    python -m benchmarks.constants FOLDER [--only ml-100k ...] [--splits 1]
        [--move n_sweeps set_ratio ...]

From the training part of each canonical split a tenth of each user's ratings is held
out. On these, every constant of the rating head is moved up and down by itself (RMSE,
lower is better), and so is the number of factors of the ranking head (NDCG@10). Each
line gives the difference to the default and the standard error of that difference over
the splits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from benchmarks.accuracy import error, fit
from benchmarks.public_sets import SETS, PublicSet, command_line
from engine.arrays import ExactVector
from engine.data.splits import Split, split_by_user
from engine.evaluation.compare import estimate, measure
from engine.evaluation.methods import TrainedHead
from engine.model import variational_head
from engine.model.configuration import RANKING, RATING, HeadConfig
from engine.training import posteriors, priors, variational

Evaluate: TypeAlias = Callable[[HeadConfig], ExactVector]

FIELDS: dict[str, tuple[Any, ...]] = {"n_factors": (16, 64), "n_sweeps": (20, 45)}
CONSTANTS: dict[tuple[ModuleType, str], tuple[Any, ...]] = {
    (priors, "_SET_RATIO"): (0.5, 2.0, 4.0),
    (priors, "_GIVEN_RATIO"): (1.0, 10.0),
    (priors, "_MORE_FOR_BIASES"): (1.0, 10.0),
    (variational_head, "_SET_COUNT"): (2.0, 12.0),
    (posteriors, "_NOISE_COUNT"): (20.0, 125.0),
    (posteriors, "_START_SIGNAL"): (0.1, 1.0),
    (variational, "_FIRST_WEIGHTS"): (1, 6),
}
RANKING_FACTORS = (64, 128, 192, 256)
RANKING_NAME = "ranking_factors"


def plain(name: str) -> str:
    """Write a constant's name without what marks it as one."""
    return name.strip("_").lower()


NAMES = (*FIELDS, *(plain(name) for _, name in CONSTANTS), RANKING_NAME)


def main() -> None:
    """Print both tables of each set."""
    parser = command_line(__doc__, sets=SETS[:3])
    parser.add_argument("--move", nargs="+", choices=NAMES, default=NAMES)
    arguments = parser.parse_args()
    for name in arguments.only:
        data = PublicSet.read(arguments.folder, name)
        splits = inner_splits(data, arguments.splits)
        print(f"\n{name}: held out of the training part of {len(splits)} splits")
        lines = rating_table(data, splits, set(arguments.move) - {RANKING_NAME})
        if RANKING_NAME in arguments.move:
            lines = chain(lines, ranking_table(data, splits))
        for line in lines:
            print(f"  {line}", flush=True)


def inner_splits(data: PublicSet, n_splits: int | None) -> list[Split]:
    """Hold a tenth of each user's training ratings out; drop the test ratings."""
    return [
        split_by_user(split.train, rng=np.random.default_rng(seed))
        for seed, split in enumerate(data.splits(n_splits))
    ]


def rating_table(
    data: PublicSet, splits: list[Split], moved: set[str]
) -> Iterator[str]:
    """RMSE with each of some constants of the rating head moved, one line per value."""
    if not moved:
        return

    def evaluate(configuration: HeadConfig) -> ExactVector:
        found = [error(data, fit(data, s.train, configuration), s) for s in splits]
        return np.array(found)

    base = evaluate(RATING)
    yield f"RMSE  defaults {base.mean():.4f}"
    for field, values in FIELDS.items():
        for value in values if field in moved else ():
            found = evaluate(replace(RATING, **{field: value}))
            yield line(field, value, getattr(RATING, field), found - base)
    for (module, name), others in CONSTANTS.items():
        default = getattr(module, name)
        for value in others if plain(name) in moved else ():
            with constant(module, name, value):
                found = evaluate(RATING)
            yield line(name, value, default, found - base)


def ranking_table(data: PublicSet, splits: list[Split]) -> Iterator[str]:
    """NDCG@10 with other numbers of factors, one line per number."""

    def evaluate(configuration: HeadConfig) -> ExactVector:
        heads = (
            TrainedHead(fit(data, s.train, configuration), s.train) for s in splits
        )
        pairs = zip(heads, splits, strict=True)
        return np.array([estimate([measure(o, s).ndcg]).value for o, s in pairs])

    base = evaluate(RANKING)
    yield f"NDCG  defaults {base.mean():.4f}"
    for value in RANKING_FACTORS:
        found = evaluate(replace(RANKING, n_factors=value))
        yield line("n_factors", value, RANKING.n_factors, found - base)


@contextmanager
def constant(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """Set a constant of the engine for a while."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def line(name: str, value: object, default: object, difference: ExactVector) -> str:
    """One value beside the default."""
    n = len(difference)
    spread = difference.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    what = f"{plain(name)} {value} for {default}"
    return f"{what:<44}{difference.mean():+.4f} ± {spread:.4f}"


if __name__ == "__main__":
    main()
