"""Hyper-parameters of the paper's models, whose updates stand in `paper`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from engine.errors import DataError
from engine.model.heads import RidgeConfig


@dataclass(frozen=True, kw_only=True)
class PaperConfig:
    """Hyper-parameters of the paper's models; the defaults are the paper's.

    Attributes
    ----------
    n_factors : int
        ``k``, 0 to 1024; 0 is the model of biases alone.
    n_sweeps : int
        Passes over users and items, at least 1.
    error_weight : float
        ``λ > 0``: scales the loss that is reported, and no update.
    bias_weight : float
        ``γ > 0``: of the biases where there are no factors.
    factor_weight : float
        ``τ > 0``: of factors, of W, and of the biases beside factors.
    feature_weight : float
        ``β``, 0 to τ: how strongly ``W f_i`` pulls on ``V_i``; 0 without factors.

    Raises
    ------
    DataError
        A value lies outside its range.
    """

    n_factors: int = 10
    n_sweeps: int = 20
    error_weight: float = 0.01
    bias_weight: float = 0.01
    factor_weight: float = 0.1
    feature_weight: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that no training can work with."""
        for name, low, high in (("n_factors", 0, 1024), ("n_sweeps", 1, 10_000)):
            value = getattr(self, name)
            holds = type(value) is int and low <= value <= high
            self._require(name, holds, f"a whole number from {low} to {high}")
        for name in ("error_weight", "bias_weight", "factor_weight", "feature_weight"):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            self._require(name, is_number and math.isfinite(value), "a finite number")
        for name in ("error_weight", "bias_weight", "factor_weight"):
            self._require(name, getattr(self, name) > 0, "above 0")
        beta = self.feature_weight
        if self.n_factors == 0:
            self._require("feature_weight", beta == 0, "0 where n_factors is 0")
        else:
            allowed = f"0 to factor_weight, which is {self.factor_weight}"
            self._require("feature_weight", 0 <= beta <= self.factor_weight, allowed)

    def _require(self, name: str, holds: bool, allowed: str) -> None:  # noqa: FBT001
        if not holds:
            raise DataError(f"{name} is {getattr(self, name)!r}; it must be {allowed}")

    @property
    def ridge_of_biases(self) -> float:
        """``w``: γ without factors, τ with them."""
        return self.bias_weight if self.n_factors == 0 else self.factor_weight

    def as_precisions(self) -> Self:
        """Read γ, τ and β as precisions beside λ: ridges ``γ/λ``, ``τ/λ`` and ``β/λ``.

        The updates that λ would be in, had the paper printed it there.
        """
        return replace(
            self,
            bias_weight=self.bias_weight / self.error_weight,
            factor_weight=self.factor_weight / self.error_weight,
            feature_weight=self.feature_weight / self.error_weight,
        )

    def of_head(self) -> RidgeConfig:
        """Write the same ridge as a configuration of the engine's own solver."""
        return RidgeConfig(
            n_factors=self.n_factors,
            n_sweeps=self.n_sweeps,
            user_weight=self.factor_weight,
            item_weight=self.factor_weight,
            user_bias_weight=self.ridge_of_biases,
            item_bias_weight=self.ridge_of_biases,
            exponent=0.0,
        )


PAPER_PRESETS: Mapping[str, PaperConfig] = MappingProxyType(
    {
        "bias": PaperConfig(n_factors=0),
        "latent": PaperConfig(),
        "features": PaperConfig(feature_weight=0.1),
    }
)
"""The paper's models with its values: k = 10, λ = γ = 0.01, τ = 0.1, 20 sweeps. It
names no β; β = τ makes equation 10 a prior mean and nothing else."""
