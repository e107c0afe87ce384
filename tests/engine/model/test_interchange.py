"""Item factors trained elsewhere are checked like everything else."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import ArtifactError
from engine.model.configuration import RidgeConfig
from engine.model.interchange import FORMAT, read_item_factors
from engine.serving.fold_in import fold_in

N_ITEMS, K = 12, 3
HEAD = {
    "global_mean": 3.5,
    "residual_variance": 0.8,
    "user_weight": 0.1,
    "user_bias_weight": 1.0,
}


def arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "item_ids": np.arange(N_ITEMS, 0, -1),
        "item_factors": rng.standard_normal((N_ITEMS, K)),
        "item_biases": rng.standard_normal(N_ITEMS),
    }


def write(
    folder: Path, *, stated: dict[str, Any] | None = None, **changed: Any
) -> Path:
    """Write a folder as the documentation says, with some arrays changed."""
    folder.mkdir(exist_ok=True)
    np.savez(folder / "factors.npz", **{**arrays(), **changed})
    digest = hashlib.sha256((folder / "factors.npz").read_bytes()).hexdigest()
    manifest = {
        "format": FORMAT,
        "version": 1,
        "files": {"factors.npz": digest},
        "rating_range": [0.5, 5],
        "n_users": 4,
        "n_ratings": 20,
        "rating": HEAD,
        **(stated or {}),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_rows_are_sorted_by_id_and_serve_both_heads(tmp_path):
    given = arrays()

    model = read_item_factors(write(tmp_path))

    assert model.item_ids.tolist() == list(range(1, N_ITEMS + 1))
    np.testing.assert_allclose(
        model.rating.item_factors, given["item_factors"][::-1], atol=1e-6
    )
    np.testing.assert_allclose(
        model.ranking.item_biases, given["item_biases"][::-1], atol=1e-6
    )
    assert model.rating_range == (0.5, 5)
    assert (model.n_users, model.n_ratings) == (4, 20)
    assert model.item_counts.sum() == 0


def test_a_user_folded_in_solves_the_ridge_that_the_manifest_states(tmp_path):
    model = read_item_factors(write(tmp_path))
    rated, stars = np.array([0, 4, 7]), np.array([5.0, 2.0, 3.5])

    folded_user = fold_in(model.rating, rated, stars)

    rows = np.column_stack([model.rating.item_factors[rated], np.ones(3)])
    ridge = np.diag([HEAD["user_weight"] * np.sqrt(3)] * K + [HEAD["user_bias_weight"]])
    right = rows.T @ (stars - HEAD["global_mean"] - model.rating.item_biases[rated])
    expected = np.linalg.solve(rows.T @ rows + ridge, right)
    np.testing.assert_allclose(folded_user.factors, expected[:K], rtol=1e-4)


def test_a_ranking_head_of_its_own_counts_the_pairs_without_a_rating(tmp_path):
    factors = np.random.default_rng(1).standard_normal((N_ITEMS, 2))
    ranking = {**HEAD, "unobserved_weight": 0.2, "unobserved_target": 1.0}
    folder = write(tmp_path, stated={"ranking": ranking}, ranking_item_factors=factors)

    head = read_item_factors(folder).ranking

    rows = np.column_stack([head.item_factors, np.ones(N_ITEMS)]).astype(np.float64)
    assert isinstance(head.configuration, RidgeConfig)
    assert head.configuration.unobserved_weight == 0.2
    assert head.n_factors == 2
    np.testing.assert_allclose(head.unobserved.gram, rows.T @ rows)
    np.testing.assert_allclose(head.unobserved.moment, np.zeros(3))


def test_arrays_may_stand_in_files_of_their_own(tmp_path):
    files = {}
    for name, array in arrays().items():
        path = tmp_path / f"{name}.npy"
        np.save(path, array)
        files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    write(tmp_path, stated={"files": files})
    (tmp_path / "factors.npz").unlink()

    assert read_item_factors(tmp_path).n_items == N_ITEMS


def nan(shape: tuple[int, ...]) -> Any:
    return np.full(shape, np.nan)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"item_ids": np.arange(N_ITEMS)}, "unique"),
        ({"item_ids": np.ones(N_ITEMS, dtype=int)}, "unique"),
        ({"item_ids": np.arange(N_ITEMS) + 2**31}, "unique"),
        ({"item_ids": np.arange(1.0, N_ITEMS + 1)}, "integers"),
        ({"item_ids": np.zeros(0, dtype=int)}, "integers"),
        ({"item_ids": np.array([[1]])}, "integers"),
        ({"item_factors": nan((N_ITEMS, K))}, "finite"),
        ({"item_factors": np.full((N_ITEMS, K), 1e300)}, "finite"),
        ({"item_factors": np.zeros((N_ITEMS + 1, K))}, "one row an item"),
        ({"item_factors": np.zeros(N_ITEMS)}, "one row an item"),
        ({"item_factors": np.zeros((N_ITEMS, K), dtype=int)}, "floats"),
        ({"item_factors": np.zeros((N_ITEMS, 1025))}, "n_factors"),
        ({"item_biases": nan((N_ITEMS,))}, "finite"),
        ({"item_biases": np.zeros((N_ITEMS, 1))}, "one an item"),
        ({"item_counts": np.zeros(N_ITEMS)}, "integers"),
        ({"item_counts": np.full(N_ITEMS, -1)}, "negative"),
        ({"other": np.zeros(1)}, "arrays may be"),
        ({"item_biases": np.array([object()] * N_ITEMS)}, "allow_pickle"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_arrays_that_are_not_as_described_are_refused(tmp_path, changed, reason):
    with pytest.raises(ArtifactError, match=reason):
        read_item_factors(write(tmp_path, **changed))


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"format": "pickle"}, "format"),
        ({"version": 2}, "format"),
        ({"code": "engine.training.fit"}, "may state"),
        ({"files": {}}, "item_ids"),
        ({"files": {"../factors.npz": "0"}}, "a file must be"),
        ({"files": {"factors.npz": "0"}}, "SHA-256"),
        ({"rating_range": [5, 0.5]}, "must rise"),
        ({"rating_range": [0.5, True]}, "finite number"),
        ({"n_users": -1}, "count"),
        ({"n_ratings": 1.5}, "count"),
        ({"rating": {**HEAD, "user_weight": 0}}, "above 0"),
        ({"rating": {**HEAD, "residual_variance": -1}}, "negative"),
        ({"rating": {**HEAD, "global_mean": None}}, "finite number"),
        ({"rating": {"global_mean": 3.5}}, "residual_variance"),
        ({"rating": {**HEAD, "n_factors": 3}}, "n_factors"),
        ({"ranking": {**HEAD, "unobserved_weight": 1}}, "below 1"),
    ],
)
def test_a_manifest_that_is_not_as_described_is_refused(tmp_path, stated, reason):
    with pytest.raises(ArtifactError, match=reason):
        read_item_factors(write(tmp_path, stated=stated))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": ', " " * (1 << 20) + "{}"]
)
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    write(tmp_path)
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(ArtifactError):
        read_item_factors(tmp_path)


def test_links_and_missing_or_broken_files_are_refused(tmp_path):
    folder = write(tmp_path / "linked")
    (folder / "factors.npz").rename(folder / "elsewhere")
    with pytest.raises(ArtifactError, match="No such file"):
        read_item_factors(folder)
    (folder / "factors.npz").symlink_to(folder / "elsewhere")
    with pytest.raises(ArtifactError, match="a file must be"):
        read_item_factors(folder)

    folder = write(tmp_path / "broken")
    (folder / "factors.npz").write_bytes(b"PK\x03\x04 not a zip")
    digest = hashlib.sha256((folder / "factors.npz").read_bytes()).hexdigest()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {"factors.npz": digest}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="zip"):
        read_item_factors(folder)


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    folder = write(tmp_path, item_counts=np.zeros(N_ITEMS, dtype=int))
    size = (folder / "factors.npz").stat().st_size

    monkeypatch.setattr("engine.model.interchange._LARGEST_FILE", size - 1)
    with pytest.raises(ArtifactError, match="too large"):
        read_item_factors(folder)

    with zipfile.ZipFile(folder / "factors.npz") as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    bomb = folder / "factors.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [*members, ("zeros.npy", bytes(100_000))]:
            archive.writestr(name, content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {"factors.npz": hashlib.sha256(bomb.read_bytes()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr("engine.model.interchange._LARGEST_FILE", 50_000)
    with pytest.raises(ArtifactError, match="expands"):
        read_item_factors(folder)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_headers_of_either_version_are_read_and_bound_by_the_file(tmp_path, version):
    folder = write(tmp_path)
    files = {}
    for name, array in arrays().items():
        with (folder / f"{name}.npy").open("wb") as file:
            np.lib.format.write_array(file, np.asarray(array), version=version)
        content = (folder / f"{name}.npy").read_bytes()
        files[f"{name}.npy"] = hashlib.sha256(content).hexdigest()
    manifest = json.loads((folder / "manifest.json").read_text()) | {"files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    assert read_item_factors(folder).n_items == N_ITEMS

    path = folder / "item_ids.npy"
    claimed = path.read_bytes().replace(b"(12,)", b"(99,)")
    path.write_bytes(claimed)
    files["item_ids.npy"] = hashlib.sha256(claimed).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": files}))
    with pytest.raises(ArtifactError, match=r"the shape \(99,\) needs more"):
        read_item_factors(folder)
