"""The search behind `cinefold tune`: hyper-parameters of one head, by Optuna.

The ratings that a training run of the same seed and share is measured on are set aside
first and never looked at; settings are compared on a part of every user's other
ratings. The first setting is the preset as it stands.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial
from scipy import sparse

from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.data.splits import Split, split_by_user
from engine.errors import DataError, SolveError
from engine.evaluation.compare import Comparison, estimate
from engine.jobs.run import hold_out
from engine.model.configuration import PLAIN, RANKING, RATING, HeadConfig

Target: TypeAlias = Literal["default", "plain", "ranking"]

STARTS: Mapping[Target, HeadConfig] = MappingProxyType(
    {"default": RATING, "plain": PLAIN, "ranking": RANKING}
)
_WEIGHT = FloatDistribution(0.05, 50, log=True)
_PLAIN: dict[str, BaseDistribution] = {
    "n_factors": IntDistribution(8, 64, log=True),
    "n_sweeps": IntDistribution(5, 60, log=True),
    "user_weight": _WEIGHT,
    "item_weight": _WEIGHT,
    "user_bias_weight": _WEIGHT,
    "item_bias_weight": _WEIGHT,
    "exponent": FloatDistribution(0, 1.25),
    "prior_count": FloatDistribution(0.5, 50, log=True),
}
SPACES: Mapping[Target, dict[str, BaseDistribution]] = MappingProxyType(
    {
        "default": {
            "n_factors": IntDistribution(8, 64, log=True),
            "n_sweeps": IntDistribution(10, 80, log=True),
            "rated_sets": CategoricalDistribution((True, False)),
        },
        "plain": _PLAIN,
        "ranking": {
            "n_factors": IntDistribution(0, 256, step=32),
            "n_sweeps": IntDistribution(4, 30, log=True),
            "regularization": FloatDistribution(0.05, 5, log=True),
            "exponent": FloatDistribution(0, 1.25),
            "prior_count": FloatDistribution(0.5, 50, log=True),
            "centring": FloatDistribution(0, 1),
            "unobserved_weight": FloatDistribution(0, 0.9),
        },
    }
)
"""Search spaces, within the bounds of training runs; each contains its preset."""

OnTrial: TypeAlias = Callable[[int, float], None]


@dataclass(frozen=True)
class Tuned:
    """The best setting, its figure and that of the preset on validation ratings."""

    values: dict[str, Any]
    untuned: float
    tuned: float
    n_trials: int


@dataclass(frozen=True)
class Journal:
    """Trials on disk; a process that dies leaves only whole trials.

    A line each, with the `name` of what trials must have in common to be compared.
    Optuna's own journal would keep a killed trial running for ever, and its lock for
    half a minute. One process at a time may write.
    """

    path: Path
    name: str

    def read(self) -> list[tuple[dict[str, Any], float | None]]:
        """Return settings and their figures, oldest first."""
        try:
            lines = [json.loads(line) for line in self._text().splitlines()]
            mine = [line for line in lines if line["name"] == self.name]
            return [(line["values"], line["figure"]) for line in mine]
        except (ValueError, TypeError, LookupError) as error:
            raise DataError(
                f"{self.path} holds something else than trials; name another journal"
            ) from error

    def add(self, values: Mapping[str, Any], figure: float | None) -> None:
        """Write a trial to the journal; its figure is `None` if the setting failed."""
        line = json.dumps({"name": self.name, "values": values, "figure": figure})
        new = self.path.with_name(f"{self.path.name}.new")
        with new.open("w", encoding="utf-8") as file:
            file.write(f"{self._text()}{line}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def _text(self) -> str:
        return self.path.read_text("utf-8") if self.path.exists() else ""


def search(
    target: Target,
    judge: Callable[[HeadConfig], float],
    journal: Journal,
    *,
    n_trials: int,
    seed: int = 0,
    on_trial: OnTrial | None = None,
) -> Tuned:
    """Try settings until the journal holds `n_trials`, beginning with the preset.

    `judge` returns the RMSE, or for the ranking head the NDCG; its `SolveError` marks a
    setting that does not work, unless it is the preset. `on_trial` gets the number of
    trials and the best figure: at the start if there are any, and after each new one.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    start, past = STARTS[target], journal.read()
    study = _study(target, past)
    if past and on_trial is not None:
        on_trial(len(past), study.best_value)
    for done in range(len(past), n_trials):
        # A sampler a trial: one that starts over when resumed would repeat itself.
        study.sampler = optuna.samplers.TPESampler(seed=seed + done)
        trial = study.ask(SPACES[target])
        try:
            figure = _finite(judge(replace(start, **trial.params)))
        except SolveError:
            if done == 0:
                raise
            figure = None
        study.tell(trial, figure, state=_state(figure))
        journal.add(trial.params, figure)
        if on_trial is not None:
            on_trial(done + 1, study.best_value)
    untuned = study.trials[0].value
    assert untuned is not None  # noqa: S101 - or it would have been raised
    return Tuned(study.best_params, untuned, study.best_value, len(study.trials))


def _study(
    target: Target, past: Sequence[tuple[dict[str, Any], float | None]]
) -> optuna.Study:
    """Tell Optuna of past trials; without any the preset comes first."""
    start, space = asdict(STARTS[target]), SPACES[target]
    study = optuna.create_study(
        direction="maximize" if target == "ranking" else "minimize"
    )
    for values, figure in past:
        state = _state(figure)
        study.add_trial(
            create_trial(params=values, distributions=space, value=figure, state=state)
        )
    if not past:
        study.enqueue_trial({name: start[name] for name in space})
    return study


def _finite(figure: float) -> float:
    if not math.isfinite(figure):
        raise SolveError("nothing could be measured on the validation ratings")
    return figure


def _state(figure: float | None) -> TrialState:
    return TrialState.FAIL if figure is None else TrialState.COMPLETE


@dataclass(frozen=True)
class Task:
    """A preset to tune on some ratings; one seed for splits, training and search."""

    target: Target
    ratings: Ratings
    item_features: FeatureMatrix
    seed: int = 0
    test_share: float = 0.1

    def run(
        self, path: Path, *, n_trials: int, on_trial: OnTrial | None = None
    ) -> Tuned:
        """Search, or go on with the search that the file at `path` holds."""
        split = self.validation()
        return search(
            self.target, lambda setting: self._judge(setting, split),
            Journal(path, self.name()),
            n_trials=n_trials, seed=self.seed, on_trial=on_trial,
        )  # fmt: skip

    def validation(self) -> Split:
        """Set aside the test ratings of a training run, and split the rest."""
        run = hold_out(self.ratings, seed=self.seed, test_share=self.test_share)
        rng = np.random.default_rng([self.seed, 3])
        return split_by_user(run.train, test_share=self.test_share, rng=rng)

    def name(self) -> str:
        """Identify searches whose trials can be compared."""
        rows, features = self.ratings.by_user, sparse.csr_array(self.item_features)
        common = STARTS[self.target], SPACES[self.target], self.seed, self.test_share
        digest = hashlib.sha256(repr(common).encode())
        for part in (self.ratings.user_ids, self.ratings.item_ids, rows.indptr,
                     rows.indices, rows.values, features.indptr, features.indices,
                     features.data):  # fmt: skip
            digest.update(np.ascontiguousarray(part).tobytes())
        return f"{self.target}-{digest.hexdigest()[:16]}"

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Write settings as a training run that uses the same test ratings."""
        is_ranking = self.target == "ranking"
        return {
            "preset": "default" if is_ranking else self.target,
            "ranking" if is_ranking else "rating": dict(values),
            "seed": self.seed,
            "test_share": self.test_share,
            "evaluate": "always",
        }

    def _judge(self, setting: HeadConfig, split: Split) -> float:
        """Train on a part and measure as the card of a training run does."""
        is_ranking = self.target == "ranking"
        comparison = Comparison(
            names=["ranking head" if is_ranking else "rating head"],
            rating=setting, ranking=setting,
            item_features=self.item_features, seed=(self.seed, 1),
        )  # fmt: skip
        (found,) = comparison.run(split)
        if is_ranking:
            return estimate([found.measured.ndcg]).value
        squares = found.measured.squares
        assert squares is not None  # noqa: S101 - a rating head predicts stars
        return estimate([squares], transform=np.sqrt).value
