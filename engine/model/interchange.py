"""Item factors trained elsewhere: plain arrays and a manifest, made into a model.

The folder holds ``manifest.json`` and the arrays it names, each as ``name.npy`` or all
of them in one ``factors.npz``::

    item_ids (n,)   item_factors (n, k)   item_biases (n,)
    ranking_item_factors (n, k')   ranking_item_biases (n,)   item_counts (n,)

The first is needed and so are the factors; what else is missing is taken as 0, except
that without factors of its own the ranking head takes those of the rating head.
"""

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from engine.errors import ArtifactError, DataError
from engine.model.configuration import RidgeConfig
from engine.model.heads import Head, Model, RidgeHead, Unobserved

FORMAT = "cinefold-item-factors"

_Arrays = Mapping[str, npt.NDArray[Any]]
_LARGEST_MANIFEST = 1 << 20  # bytes
_LARGEST_FILE = 1 << 33  # bytes, also of what a compressed file expands to
_LARGEST_ID = 2**31 - 1
_KNOWN = frozenset(
    {
        "item_ids", "item_counts", "item_factors", "item_biases",
        "ranking_item_factors", "ranking_item_biases",
    }
)  # fmt: skip
_STATED = frozenset(
    {"format", "version", "files", "rating", "ranking", "rating_range", "n_users",
     "n_ratings"}
)  # fmt: skip


def read_item_factors(folder: Path) -> Model:
    """Read item factors trained elsewhere and check everything about them.

    The manifest, every key needed but `ranking`, which defaults to `rating`::

        {"format": "cinefold-item-factors", "version": 1,
         "files": {"factors.npz": "<SHA-256>"},
         "rating_range": [0.5, 5], "n_users": 671, "n_ratings": 100004,
         "rating": {"global_mean": 3.5, "residual_variance": 0.8,
                    "user_weight": 0.1, "user_bias_weight": 1.0}}

    A head may also state `exponent`, `prior_count`, `unobserved_weight`,
    `unobserved_target` and `centring` of `RidgeConfig`: they say how users are folded
    in. `global_mean` is the mean rating.

    Returns
    -------
    Model
        Rows sorted by item id.

    Raises
    ------
    ArtifactError
        Anything at all is not as described; the message names it.
    """
    try:
        manifest = _manifest(folder / "manifest.json")
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, sha256 in manifest["files"].items():
            arrays |= _read(folder, name, sha256)
        return _model(manifest, arrays)
    except (DataError, KeyError, TypeError, ValueError, OSError, OverflowError,
            zipfile.BadZipFile) as error:  # fmt: skip
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ArtifactError(
            f"{folder.name}: no usable item factors: {reason}"
        ) from error


def _manifest(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_MANIFEST:
        raise ValueError("the manifest is too large")
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    if not isinstance(manifest, dict) or not manifest.keys() <= _STATED:
        raise ValueError(f"the manifest may state {', '.join(sorted(_STATED))}")
    if (manifest["format"], manifest["version"]) != (FORMAT, 1):
        raise ValueError(f"the format must be {FORMAT}, version 1")
    return manifest


def _read(folder: Path, name: str, sha256: str) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of one file whose name and content are those stated."""
    allowed = {"factors.npz", *(f"{known}.npy" for known in _KNOWN)}
    path = folder / name
    if name not in allowed or path.is_symlink():
        raise ValueError(f"a file must be one of {', '.join(sorted(allowed))}")
    if path.stat().st_size > _LARGEST_FILE:
        raise ValueError(f"{name} is too large")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ValueError(f"{name}: the SHA-256 differs")
        file.seek(0)
        if name.endswith(".npy"):
            _check_shape(file, name, path.stat().st_size)
            array: npt.NDArray[Any] = np.load(file, allow_pickle=False)
            return {path.stem: array}
        with zipfile.ZipFile(file) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST_FILE:
                raise ValueError(f"{name} expands to too much")
            for member in archive.infolist():
                with archive.open(member) as part:
                    _check_shape(part, member.filename, member.file_size)
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            if not set(archive.files) <= _KNOWN:
                raise ValueError(f"{name}: arrays may be {', '.join(sorted(_KNOWN))}")
            return {stem: archive[stem] for stem in archive.files}


def _check_shape(file: IO[bytes], name: str, size: int) -> None:
    """Refuse a header that claims more than the file holds, before room is made."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"{name}: the shape {shape} needs more than the file holds")
    file.seek(0)


def _model(manifest: dict[str, Any], arrays: _Arrays) -> Model:
    ids = arrays["item_ids"]
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or len(ids) == 0:
        raise ValueError("item_ids must be a vector of integers")
    order = np.argsort(ids)
    ids = ids[order].astype(np.int64)
    if ids[0] < 1 or ids[-1] > _LARGEST_ID or (np.diff(ids) == 0).any():
        raise ValueError(f"item_ids must be unique, from 1 to {_LARGEST_ID}")
    counts = arrays.get("item_counts", np.zeros(len(ids), dtype=np.int32))
    if counts.shape != ids.shape or counts.dtype.kind not in "iu":
        raise ValueError("item_counts must be integers, one an item")
    low, high = (_number(value) for value in manifest["rating_range"])
    if low >= high or (counts < 0).any():
        raise ValueError("rating_range must rise and no count be negative")
    rating = manifest["rating"]
    first = "ranking_" if "ranking_item_factors" in arrays else ""
    return Model(
        item_ids=ids,
        item_counts=counts[order].astype(np.int32),
        rating=_head(rating, arrays, order, prefix=""),
        ranking=_head(manifest.get("ranking", rating), arrays, order, prefix=first),
        n_users=_count(manifest["n_users"]),
        n_ratings=_count(manifest["n_ratings"]),
        rating_range=(low, high),
    )


def _head(
    stated: dict[str, Any],
    arrays: _Arrays,
    order: npt.NDArray[np.int64],
    *,
    prefix: str,
) -> Head:
    factors = arrays[f"{prefix}item_factors"]
    is_matrix = factors.ndim == 2  # noqa: PLR2004  rows and columns
    if not is_matrix or factors.dtype.kind != "f" or len(factors) != len(order):
        raise ValueError(f"{prefix}item_factors must be floats, one row an item")
    biases = arrays.get(f"{prefix}item_biases", np.zeros(len(order)))
    if biases.shape != order.shape or biases.dtype.kind != "f":
        raise ValueError(f"{prefix}item_biases must be floats, one an item")
    factors, biases = (array[order].astype(np.float32) for array in (factors, biases))
    if not (np.isfinite(factors).all() and np.isfinite(biases).all()):
        raise ValueError(f"{prefix}item_factors and biases must be finite")
    weights = dict(stated)
    mean, variance = (
        _number(weights.pop(name)) for name in ("global_mean", "residual_variance")
    )
    if variance < 0:
        raise ValueError("residual_variance must not be negative")
    configuration = RidgeConfig(
        n_factors=factors.shape[1],
        n_sweeps=1,
        item_weight=weights["user_weight"],
        item_bias_weight=weights["user_bias_weight"],
        **weights,
    )
    return RidgeHead(
        configuration, mean, biases, factors, variance, _totals(factors, biases)
    )


def _totals(
    factors: npt.NDArray[np.float32], biases: npt.NDArray[np.float32]
) -> Unobserved:
    rows = np.ones((len(factors), factors.shape[1] + 1))
    rows[:, :-1] = factors
    return Unobserved(rows.T @ rows, -(biases.astype(np.float64) @ rows))


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(float(value)):  # type: ignore[arg-type] # a number
        raise ValueError(f"expected a finite number, got {value!r}")
    return float(value)  # type: ignore[arg-type] # a number


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError(f"expected a count, got {value!r}")
    return value
