"""Bodies of training runs."""

import dataclasses
from datetime import datetime
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field, create_model, model_validator

from api.schemas.base import Body, Out
from engine.jobs.job import PRESETS
from engine.model.configuration import (
    HeadConfig,
    RankingConfig,
    RidgeConfig,
    VariationalConfig,
)

# Limits of a request, where they are narrower than the engine's own bounds.
LIMITS: dict[str, dict[str, float]] = {
    "n_factors": {"ge": 0, "le": 256},
    "n_sweeps": {"le": 100},
    "prior_count": {"le": 1000},
    "regularization": {"le": 10_000},
    "user_weight": {"le": 10_000},
    "item_weight": {"le": 10_000},
    "user_bias_weight": {"le": 10_000},
    "item_bias_weight": {"le": 10_000},
    "unobserved_target": {"ge": 0, "le": 5},
}


def _parameters_of(*configurations: type[HeadConfig]) -> dict[str, Any]:
    """Turn the fields of configurations into optional fields of a request."""
    fields: dict[str, Any] = {}
    for configuration in configurations:
        for name in _names_of(configuration):
            kind = get_type_hints(configuration)[name]
            bounds = {**configuration.BOUNDS.get(name, {}), **LIMITS.get(name, {})}
            options: Any = bounds
            fields[name] = kind | None, Field(None, **options)
    return fields


def _names_of(configuration: type[HeadConfig]) -> list[str]:
    return [field.name for field in dataclasses.fields(configuration)]


RatingParameters: type[Body] = create_model(
    "RatingParameters",
    __base__=Body,
    __doc__="Parameters of the rating head; missing ones take the preset's value.",
    **_parameters_of(VariationalConfig, RidgeConfig),
)
RankingParameters: type[Body] = create_model(
    "RankingParameters",
    __base__=Body,
    __doc__="Parameters of the ranking head; missing ones take the engine's value.",
    **_parameters_of(RankingConfig),
)
MAX_SEED = 2**31 - 1
# The parameters that each preset of the rating head accepts.
SETTABLE: dict[str, frozenset[str]] = {
    name: frozenset(_names_of(type(preset.rating)))
    & RatingParameters.model_fields.keys()
    for name, preset in PRESETS.items()
}


class TrainingRunIn(Body):
    """What to train, how to measure it, and whether it may go live.

    `preset` names the rating head. `default` learns its weights from the ratings and
    takes `n_factors`, `n_sweeps` and `rated_sets`; `plain` takes its weights from the
    request; the others are the source paper's models, which take `n_factors` and
    `n_sweeps`. A share `test_share` of every user's ratings is held out for measuring;
    the published model is then trained on all ratings. With `evaluate` set to `auto`,
    runs above two million ratings are not measured; with `later`, nor are they, and
    smaller runs are measured after the model is published.
    """

    preset: Literal["default", "plain", "bias", "latent", "features"] = "default"
    rating: RatingParameters = Field(default_factory=RatingParameters)
    ranking: RankingParameters = Field(default_factory=RankingParameters)
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    test_share: Annotated[float, Field(ge=0.01, le=0.5)] = 0.1
    evaluate: Literal["auto", "always", "later", "never"] = "auto"
    activate: bool = True

    @model_validator(mode="after")
    def _fits_preset(self) -> "TrainingRunIn":
        given = self.rating.model_dump(exclude_none=True)
        if not given.keys() <= SETTABLE[self.preset]:
            known = ", ".join(sorted(SETTABLE[self.preset]))
            raise ValueError(f"the preset {self.preset} takes {known} only")
        if self.preset == "bias" and given.get("n_factors", 0) != 0:
            raise ValueError("the model of biases has no factors")
        if self.preset in {"default", "features"} and given.get("n_factors") == 0:
            raise ValueError(f"the preset {self.preset} needs factors")
        return self


class EstimateOut(Out):
    """A mean over users' ratings or lists with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n_users: int
    n_excluded: int


class MethodMetrics(Out):
    """One method on the held-out ratings; null where it predicts no stars."""

    name: str
    rmse: EstimateOut | None
    mae: EstimateOut | None
    ndcg: EstimateOut | None
    recall: EstimateOut | None
    coverage: float


class TrainingRunOut(Out):
    """A training run and its progress.

    `progress` is the share of the work done. `metrics` holds the figures on held-out
    ratings so far. `best_test_rmse` is the lowest of all sweeps measured on them, which
    need not be that of the last sweep.
    """

    id: int
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    stage: str | None
    error: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    model_id: int | None
    reason: Literal["request", "schedule", "ratings"]
    parameters: dict[str, Any]
    progress: float
    eta_seconds: float | None
    metrics: list[MethodMetrics]
    best_test_rmse: float | None


class TrainingSweepOut(Out):
    """One pass over all users and items.

    It belongs to the fit that is measured (`evaluation`) or to the one on all ratings
    that is published. `test_rmse` and `test_loss` are null unless the fit measures each
    sweep on the held-out ratings.
    """

    fit: Literal["evaluation", "publication"]
    head: Literal["rating", "ranking"]
    sweep: int
    n_sweeps: int
    rmse: float
    test_rmse: float | None
    loss: float
    test_loss: float | None
    seconds: float


class TrainingRunDetail(TrainingRunOut):
    """A run with its sweeps so far."""

    sweeps: list[TrainingSweepOut]


class TrainingRunPage(Out):
    """One page of runs, newest first."""

    items: list[TrainingRunOut]
    next_cursor: str | None
