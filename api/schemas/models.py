"""Bodies of trained models."""

from datetime import datetime
from typing import Any, Literal

from api.schemas.base import Out
from api.schemas.recommendations import ModelReference
from api.schemas.training import EstimateOut, MethodMetrics


class ModelSummary(Out):
    """A model of the registry; `refusal` says why it did not go live."""

    id: int
    created_at: datetime
    kind: Literal["trained", "imported"]
    is_active: bool
    last_active_at: datetime | None
    refusal: str | None
    run_id: int | None
    n_items: int
    n_users: int
    n_ratings: int
    rmse: EstimateOut | None
    ndcg: EstimateOut | None


class ModelPage(Out):
    """One page of models, newest first."""

    items: list[ModelSummary]
    next_cursor: str | None


class Evaluation(Out):
    """The quality on held-out ratings of a fit to the others.

    The published model itself was trained on all ratings with the same parameters.
    `fold_in_parity` is the largest difference between folded-in and trained users.
    """

    test_share: float
    n_train: int
    n_test: int
    fold_in_parity: float | None
    methods: list[MethodMetrics]


class ModelCard(ModelSummary):
    """Everything recorded about a model; unrecorded fields are null.

    The ratings were read at `data_cutoff`; `n_changes_since` counts the changes after
    it. `n_votes` likes and dislikes were read as well, with weight `vote_weight` each.
    """

    data_cutoff: datetime | None
    n_votes: int | None
    vote_weight: float | None
    n_changes_since: int | None
    seed: int | None
    preset: str | None
    code_version: str | None
    source: str | None
    wall_seconds: float | None
    peak_bytes: int | None
    n_bytes: int
    parameters: dict[Literal["rating", "ranking"], dict[str, Any]]
    evaluation: Evaluation | None


class ParameterDifference(Out):
    """A parameter with different values in two models."""

    head: Literal["rating", "ranking"]
    name: str
    first: Any
    second: Any


class ModelComparison(Out):
    """Two models side by side, and the parameters in which they differ."""

    first: ModelCard
    second: ModelCard
    differences: list[ParameterDifference]


class ActiveModel(Out):
    """The live model, and the number of rating changes it has not seen."""

    model: ModelReference | None
    data_cutoff: datetime | None
    n_changes_since: int | None
