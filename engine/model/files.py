"""Models to and from disk: plain arrays and a manifest, never code.

A model is a folder of ``.npy`` files, which load by memory mapping and so are shared
between processes, and ``manifest.json``, which states what each of them must be.
"""

import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.errors import ArtifactError, DataError
from engine.model.array_files import (
    header_of,
    map_array,
    open_file,
    sync_folder,
    write_file,
)
from engine.model.configuration import HeadConfig
from engine.model.heads import Arrays, Head, Model, RidgeHead, Shapes
from engine.model.variational_head import VariationalHead

Json: TypeAlias = str | int | float | bool | list["Json"] | dict[str, "Json"] | None
Array: TypeAlias = npt.NDArray[Any]

FORMAT = "cinefold-model"
FORMAT_VERSION = 4
MANIFEST = "manifest.json"

_LARGEST_MANIFEST = 1 << 20  # bytes
_LARGEST_COUNT = 1 << 40
_HEADS = ("rating", "ranking")
# The manifest's word for the source of a head's regularization.
_FAMILIES: dict[str, type[Head]] = {"given": RidgeHead, "learned": VariationalHead}
_WEIGHTS = {family: weights for weights, family in _FAMILIES.items()}


@dataclass(frozen=True)
class Manifest:
    """The description of a stored model.

    Attributes
    ----------
    files : dict
        For each array file: ``bytes``, ``sha256``, ``dtype`` and ``shape``.
    model : dict
        Scalars and configurations of the model.
    details : dict
        Whatever the caller of `save_model` keeps with it.
    """

    files: dict[str, dict[str, Json]]
    model: dict[str, Json]
    details: dict[str, Json]


def save_model(model: Model, folder: Path, *, details: dict[str, Json]) -> Manifest:
    """Write a model so that `folder` either holds all of it or does not exist.

    The files are written under a temporary name in the same parent, forced to disk
    together with the folder, and renamed. Only the owner may read them (0700, 0600).

    Parameters
    ----------
    model : Model
    folder : Path
        Must not exist; its parent must.
    details : dict
        JSON to keep with the model: metrics, data cut-off. No NaN.

    Raises
    ------
    DataError
        `details` is not JSON.
    ArtifactError
        `folder` exists.
    OSError
        The disk refuses; nothing is left behind under the final name.
    """
    if folder.exists() or folder.is_symlink():
        raise ArtifactError(f"{folder.name} exists; a stored model never changes")
    _refuse_non_json(details)
    unfinished = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        files = {
            name: _write_array(unfinished / name, array)
            for name, array in _arrays_of(model).items()
        }
        manifest = Manifest(files=files, model=_scalars_of(model), details=details)
        document = {"format": FORMAT, "version": FORMAT_VERSION, **asdict(manifest)}
        write_file(unfinished / MANIFEST, _render(document))
        sync_folder(unfinished)
        os.rename(unfinished, folder)  # noqa: PTH104  one call, nothing around it
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return manifest


def load_model(folder: Path) -> Model:
    """Read a model and check everything about it before use.

    Checked before use: format version, names, sizes, SHA-256, dtypes, shapes, finite
    values. Arrays are mapped read-only, so processes share them.

    Raises
    ------
    ArtifactError
        Anything at all is not as the format demands.
    """
    manifest = read_manifest(folder)
    try:
        return _load(folder, manifest)
    except (DataError, KeyError, TypeError, ValueError, OSError) as error:
        raise ArtifactError(f"{folder.name} is no usable model: {error}") from error


def read_manifest(folder: Path) -> Manifest:
    """Read the description of a stored model, without its arrays.

    Raises
    ------
    ArtifactError
        The manifest is missing, damaged or of an unknown format.
    """
    try:
        with open_file(folder, MANIFEST) as file:
            text = file.read(_LARGEST_MANIFEST + 1)
        if len(text) > _LARGEST_MANIFEST:
            raise ValueError("the manifest is too large")  # noqa: TRY301
        document = json.loads(text)
        document.pop("sha256")
        if _render(document) != text:
            raise ValueError("it differs from what was written")  # noqa: TRY301
        stated = document.pop("format"), document.pop("version")
        if stated != (FORMAT, FORMAT_VERSION):
            known = f"this version reads {FORMAT} {FORMAT_VERSION}; train it anew"
            raise ValueError(f"unknown format {stated}: {known}")  # noqa: TRY301
        if not all(isinstance(part, dict) for part in document.values()):
            raise TypeError("parts of the manifest must be objects")  # noqa: TRY301
        return Manifest(**document)
    except (
        AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise ArtifactError(f"{folder.name} has no usable manifest: {error}") from error


def _arrays_of(model: Model) -> Arrays:
    arrays: Arrays = {
        "item_ids.npy": model.item_ids,
        "item_counts.npy": model.item_counts,
    }
    for name in _HEADS:
        head: Head = getattr(model, name)
        arrays |= {f"{name}_{part}.npy": array for part, array in head.arrays().items()}
    return arrays


def _scalars_of(model: Model) -> dict[str, Json]:
    scalars: dict[str, Json] = {
        "n_items": model.n_items,
        "n_users": model.n_users,
        "n_ratings": model.n_ratings,
        "rating_range": list(model.rating_range),
    }
    for name in _HEADS:
        head: Head = getattr(model, name)
        scalars[name] = {
            "weights": _WEIGHTS[type(head)],
            "n_user_features": head.n_user_features,
            "n_levels": len(head.levels),
            "configuration": asdict(head.configuration),
            "global_mean": head.global_mean,
            "residual_variance": head.residual_variance,
        }
    return scalars


def _load(folder: Path, manifest: Manifest) -> Model:
    scalars: dict[str, Any] = manifest.model
    n_items = _count(scalars["n_items"])
    low, high = (_number(value) for value in scalars["rating_range"])
    expected: Shapes = {
        "item_ids.npy": (np.int64, (n_items,)),
        "item_counts.npy": (np.int32, (n_items,)),
    }
    for name in _HEADS:
        expected |= _expected_arrays(name, scalars[name], n_items)
    if manifest.files.keys() != expected.keys():
        raise ValueError("the list of files is not that of the format")
    arrays = {
        name: _load_array(folder, name, manifest.files[name], dtype, shape)
        for name, (dtype, shape) in expected.items()
    }
    ids, counts = arrays["item_ids.npy"], arrays["item_counts.npy"]
    if (np.diff(ids) <= 0).any() or (counts < 0).any():
        raise ValueError("item ids must rise and counts must not be negative")
    heads = {name: _head(name, scalars[name], arrays) for name in _HEADS}
    return Model(
        item_ids=ids,
        item_counts=counts,
        rating=heads["rating"],
        ranking=heads["ranking"],
        n_users=_count(scalars["n_users"]),
        n_ratings=_count(scalars["n_ratings"]),
        rating_range=(low, high),
    )


def _expected_arrays(name: str, scalars: dict[str, Any], n_items: int) -> Shapes:
    """Derive name, dtype and shape of every array of a head; trust no entry."""
    family, configuration = _family(scalars)
    sizes = (_count(scalars[part]) for part in ("n_user_features", "n_levels"))
    shapes = family.shapes(n_items, configuration.n_factors, *sizes)
    return {f"{name}_{part}.npy": shape for part, shape in shapes.items()}


def _family(scalars: dict[str, Any]) -> tuple[type[Head], HeadConfig]:
    family = _FAMILIES[scalars["weights"]]
    return family, family.CONFIG.from_stored(scalars["configuration"])


def _head(name: str, scalars: dict[str, Any], arrays: Arrays) -> Head:
    family, configuration = _family(scalars)
    mean, variance = (
        _number(scalars[part]) for part in ("global_mean", "residual_variance")
    )
    shapes = family.shapes(0, 0, 0, 0)
    own = {part: arrays[f"{name}_{part}.npy"] for part in shapes}
    return family.from_arrays(configuration, mean, variance, own)


def _load_array(
    folder: Path,
    name: str,
    entry: dict[str, Json],
    dtype: type[np.generic],
    shape: tuple[int, ...],
) -> Array:
    """Check one file through one descriptor, then map what was checked."""
    wanted = np.dtype(dtype)
    if (entry["dtype"], entry["shape"]) != (wanted.str, list(shape)):
        raise ValueError(f"{name}: stated dtype or shape is not that of the format")
    header = header_of(wanted, shape)
    n_bytes = len(header) + wanted.itemsize * math.prod(shape)
    with open_file(folder, name) as file:
        size = os.fstat(file.fileno()).st_size
        if not size == n_bytes == entry["bytes"]:
            raise ValueError(f"{name}: {size} bytes, expected {n_bytes}")
        if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
            raise ValueError(f"{name}: the SHA-256 differs")
        file.seek(0)
        if file.read(len(header)) != header:
            raise ValueError(f"{name}: the header is not that of the format")
        array = map_array(file, wanted, shape, offset=len(header))
    if wanted.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: a value is not finite")
    return array


def _write_array(path: Path, array: Array) -> dict[str, Json]:
    content = header_of(array.dtype, array.shape) + array.tobytes(order="C")
    write_file(path, content)
    return {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "dtype": array.dtype.str,
        "shape": list(array.shape),
    }


def _render(document: dict[str, Any]) -> bytes:
    """Write JSON that ends with the SHA-256 of what stands before it."""
    text = json.dumps(document, indent=1, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({**document, "sha256": digest}, indent=1).encode()


def _refuse_non_json(details: dict[str, Json]) -> None:
    try:
        json.dumps(details, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"details must be plain JSON: {error}") from error


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST_COUNT:
        raise ValueError(f"expected a count, got {value!r}")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value!r}")
    return float(value)
