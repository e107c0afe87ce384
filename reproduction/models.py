"""Train the models that the report compares."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse

from engine import PLAIN, RANKING, Head, fit_head, split_at_random
from engine.arrays import ExactMatrix
from engine.data.splits import Split
from engine.paper.configuration import PAPER_PRESETS, PaperConfig
from engine.paper.updates import regress
from engine.training.sweeps import Sweep
from reproduction.catalogue import Catalogue
from reproduction.progress import Progress

TEST_SHARE, OTHER_TEST_SHARE = 0.1, 0.2  # the paper names both
WITH_LAMBDA = " with λ"  # ends the name of a model with λ in its updates
CONFIGS: Mapping[str, PaperConfig] = {
    **PAPER_PRESETS,
    **{
        name + WITH_LAMBDA: preset.as_precisions()
        for name, preset in PAPER_PRESETS.items()
    },
}
N_SWEEPS = (
    sum(config.n_sweeps for config in CONFIGS.values())
    + CONFIGS["bias"].n_sweeps
    + PLAIN.n_sweeps
    + RANKING.n_sweeps
)
"""Sweeps of all models together."""


@dataclass(frozen=True)
class PaperTraining:
    """A trained model of the paper, and ``W``, the ridge of its factors on genres."""

    head: Head
    sweeps: tuple[Sweep, ...]
    feature_weights: ExactMatrix


@dataclass(frozen=True)
class Models:
    """All trained models.

    Attributes
    ----------
    paper : dict of str to PaperTraining
        By the names in `CONFIGS`.
    sweeps, summary : DataFrame
        `Reproduction.sweeps` and `Reproduction.models`.
    other_split_bias : float
        Test RMSE of biases alone with `OTHER_TEST_SHARE` held out.
    judge, ranking : Head
        The engine's own heads, trained on all ratings, held-out ones included: one
        judges the simulated votes, the other stands beside the paper's lists. The judge
        is the plain rating head, because it is fast and the votes need no better one.
    """

    paper: Mapping[str, PaperTraining]
    sweeps: pd.DataFrame
    summary: pd.DataFrame
    other_split_bias: float
    judge: Head
    ranking: Head


def train_models(
    catalogue: Catalogue, *, rng: np.random.Generator, progress: Progress
) -> Models:
    """Train the paper's models, as printed and with λ, and the engine's own heads.

    The ratings are split once, as triples (user, movie, rating). Separate splits of the
    users' lists and the movies' lists would train on most test ratings.
    """
    split_rng, train_rng, heads_rng = rng.spawn(3)
    seed = int(train_rng.integers(2**63))
    hold_out = partial(split_at_random, catalogue.ratings)
    split = hold_out(test_share=TEST_SHARE, rng=split_rng)
    other = hold_out(test_share=OTHER_TEST_SHARE, rng=split_rng.spawn(1)[0])
    paper = {
        name: _train_paper(
            catalogue, split, config, seed=seed,
            on_sweep=progress.begin(f"Training the {name} model"),
        )
        for name, config in CONFIGS.items()
    }  # fmt: skip
    other_bias = _train_paper(
        catalogue, other, CONFIGS["bias"], seed=seed,
        on_sweep=progress.begin("Training the bias model on the other split"),
    )  # fmt: skip
    sweeps = pd.concat(map(_sweeps, paper, paper.values()), ignore_index=True)
    judge, ranking = _train_heads(catalogue, rng=heads_rng, progress=progress)
    return Models(
        paper=paper,
        sweeps=sweeps,
        summary=_summarize(sweeps, split.test.values.var(dtype=np.float64)),
        other_split_bias=_sweeps("bias", other_bias)["test_rmse"].iloc[-1],
        judge=judge,
        ranking=ranking,
    )


def _train_paper(
    catalogue: Catalogue,
    split: Split,
    config: PaperConfig,
    *,
    seed: int,
    on_sweep: Callable[..., None],
) -> PaperTraining:
    """Train one of the paper's models; equal seeds start from the same factors."""
    genres = catalogue.genres.membership.astype(np.float64)
    training = fit_head(
        split.train,
        config,
        item_features=genres,
        test=split.test,
        rng=np.random.default_rng(seed),
        on_sweep=on_sweep,
    )
    factors = training.head.item_factors
    weights = regress(factors, sparse.csr_array(genres), config.factor_weight)
    return PaperTraining(training.head, training.sweeps, weights)


def _train_heads(
    catalogue: Catalogue, *, rng: np.random.Generator, progress: Progress
) -> tuple[Head, Head]:
    """Train the judge of the simulated votes, and the ranking head."""
    rating_rng, ranking_rng = rng.spawn(2)
    rating = fit_head(
        catalogue.ratings,
        PLAIN,
        rng=rating_rng,
        on_sweep=progress.begin("Training the engine's rating head"),
    )
    ranking = fit_head(
        catalogue.ratings,
        RANKING,
        name="ranking",
        rng=ranking_rng,
        on_sweep=progress.begin("Training the engine's ranking head"),
    )
    return rating.head, ranking.head


def _sweeps(name: str, training: PaperTraining) -> pd.DataFrame:
    columns = ["sweep", "train_loss", "train_rmse", "test_rmse"]
    sweeps = pd.DataFrame(training.sweeps)[columns]
    sweeps = sweeps.rename(columns={"train_loss": "loss"})
    sweeps.insert(0, "model", name)
    return sweeps


def _summarize(sweeps: pd.DataFrame, variance: float) -> pd.DataFrame:
    """Reduce each model's sweeps to its last and its best on the test ratings."""
    by_model = sweeps.groupby("model", sort=False)
    last = by_model[["train_rmse", "test_rmse"]].last()
    best = sweeps.loc[by_model["test_rmse"].idxmin()].set_index("model")
    return last.assign(
        best_test_rmse=best["test_rmse"],
        best_sweep=best["sweep"],
        explained=1 - last["test_rmse"] ** 2 / variance,
    ).reset_index()
