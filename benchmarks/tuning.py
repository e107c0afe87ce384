"""Gain of the default preset from tuning and from early stopping.

    python -m benchmarks.tuning FOLDER [--only ml-100k ...] [--splits 1] [--trials 20]

1. A training on nine tenths of every user's training ratings, measured on the rest
   after each sweep: the error at the preset's number of sweeps beside the lowest of
   `SWEEPS` sweeps, which stopping by a validation part would find.
2. A tenth of the users left out of that training and folded in from some of their
   ratings: biases alone, the preset, and the preset with `LONGER` sweeps; means over
   the splits.
3. The search of `cinefold tune` on the same parts. The preset as it stands and the best
   setting found are then trained on the whole training part and measured on the test
   ratings, which the search has not looked at.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.accuracy import error, fit, folded_in, newcomers
from benchmarks.constants import inner_splits
from benchmarks.public_sets import PublicSet, command_line
from engine.data.splits import Split
from engine.jobs.search import Journal, search
from engine.model.configuration import BIASES, RATING, HeadConfig
from engine.training.fit import fit_head

SWEEPS, LONGER = 80, 50
FEW = {"none": 0, "one": 1, "five": 5, "all": 10**9}


def main() -> None:
    """Print the tables."""
    parser = command_line(__doc__, n_splits=1)
    parser.add_argument("--trials", type=int, default=20)
    arguments = parser.parse_args()
    sets = [PublicSet.read(arguments.folder, name) for name in arguments.only]
    print(f"|set, split|validation RMSE after {RATING.n_sweeps}|lowest|sweep|ratio|")
    print("|---" * 5 + "|")
    for data, number, _, inner in parts(sets, arguments.splits):
        print(f"|{data.name}, {number}|{stopping(data, inner)}|", flush=True)
    print(f"\n|set, from|biases|{RATING.n_sweeps} sweeps|{LONGER} sweeps|")
    print("|---" * 4 + "|")
    for data in sets:
        for line in strangers(data, inner_splits(data, arguments.splits)):
            print(line, flush=True)
    print("\n|set, split|untuned test RMSE|tuned test RMSE|ratio|best of the trials|")
    print("|---" * 5 + "|")
    for data, number, split, inner in parts(sets, arguments.splits):
        found = tuning(data, split, inner, n_trials=arguments.trials)
        print(f"|{data.name}, {number}|{found}|", flush=True)


def parts(
    sets: list[PublicSet], n_splits: int
) -> Iterator[tuple[PublicSet, int, Split, Split]]:
    """Yield canonical splits, numbered from 1, and splits of their training parts."""
    for data in sets:
        pairs = zip(data.splits(n_splits), inner_splits(data, n_splits), strict=True)
        for number, (split, inner) in enumerate(pairs, start=1):
            yield data, number, split, inner


def stopping(data: PublicSet, inner: Split) -> str:
    """Follow the validation error far beyond the preset's sweeps."""
    sweeps = fit_head(
        inner.train,
        replace(RATING, n_sweeps=SWEEPS),
        item_features=data.item_features,
        user_features=data.user_features,
        test=inner.test,
        rng=np.random.default_rng(1),
    ).sweeps
    errors = np.array([sweep.test_rmse for sweep in sweeps], dtype=np.float64)
    fixed, lowest = errors[RATING.n_sweeps - 1], errors.min()
    return f"{fixed:.4f}|{lowest:.4f}|{errors.argmin() + 1}|{fixed / lowest:.4f}"


def strangers(data: PublicSet, inners: list[Split]) -> Iterator[str]:
    """Measure users that training has not seen, one line per number of ratings."""
    errors = []
    for seed, inner in enumerate(inners):
        test, rest = newcomers(inner, seed=seed)
        trainings = [
            fit(data, rest, setting)
            for setting in (BIASES, RATING, replace(RATING, n_sweeps=LONGER))
        ]
        errors.append(
            [
                [folded_in(each, data, inner.train, test, n)[0] for each in trainings]
                for n in FEW.values()
            ]
        )
    for name, means in zip(FEW, np.mean(errors, axis=0), strict=True):
        cells = "|".join(f"{mean:.4f}" for mean in means)
        yield f"|{data.name}, {name}|{cells}|"


def tuning(data: PublicSet, split: Split, inner: Split, *, n_trials: int) -> str:
    """Search on the inner split; measure preset and best setting on the outer."""

    def judge(setting: HeadConfig) -> float:
        return error(data, fit(data, inner.train, setting), inner)

    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "trials", data.name)
        best = search("default", judge, journal, n_trials=n_trials).values
    untuned, tuned = (
        error(data, fit(data, split.train, setting), split)
        for setting in (RATING, replace(RATING, **best))
    )
    words = ", ".join(f"{name} {value}" for name, value in best.items())
    return f"{untuned:.4f}|{tuned:.4f}|{untuned / tuned:.4f}|{words}"


if __name__ == "__main__":
    main()
