"""Stored models: written whole or not at all, believed only after every check."""

import errno
import hashlib
import io
import json
import os
import pickle
import resource
import shutil
import stat
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ArtifactError, DataError
from engine.model.files import Json, load_model, read_manifest, save_model

FACTORS = "rating_item_factors.npy"
# Saves a model again and again, each time in a process that dies at one call later.
KILLED = """
import itertools, os, pathlib, signal, sys
from engine.model.files import load_model, save_model

calls = 0

def dying(original, at):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    return call

model, target = load_model(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2])
for point in itertools.count(1):
    (target / str(point)).mkdir()
    child = os.fork()
    if child == 0:
        for name in ("open", "fdopen", "fsync", "rename"):
            setattr(os, name, dying(getattr(os, name), point))
        save_model(model, target / str(point) / "model", details={})
        os._exit(0)
    if os.waitpid(child, 0)[1] != signal.SIGKILL:
        break
"""


@pytest.fixture
def folder(model, tmp_path):
    save_model(model, tmp_path / "model", details={"cut_off": "2026-01-01"})
    return tmp_path / "model"


def forge(folder, name, content):
    """Replace a file and make the manifest agree, as a careful attacker would."""
    (folder / name).write_bytes(content)
    edit(folder, set_in("files", name, "bytes", len(content)))
    edit(folder, set_in("files", name, "sha256", hashlib.sha256(content).hexdigest()))


def edit(folder, change):
    """Change the manifest and sign it anew."""
    document = json.loads((folder / "manifest.json").read_text())
    del document["sha256"]
    change(document)
    digest = hashlib.sha256(json.dumps(document, indent=1).encode()).hexdigest()
    signed = json.dumps({**document, "sha256": digest}, indent=1)
    (folder / "manifest.json").write_text(signed)


def set_in(*path):
    """Set a value deep in the manifest."""
    *parents, last, value = path

    def change(document):
        for key in parents:
            document = document[key]
        document[last] = value

    return change


def saved(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def same(first, second):
    """Whether two models are equal in every bit."""
    if first.item_ids.tobytes() != second.item_ids.tobytes():
        return False
    for name in ("rating", "ranking"):
        one, other = getattr(first, name), getattr(second, name)
        if one.configuration != other.configuration:
            return False
        if one.item_factors.tobytes() != other.item_factors.tobytes():
            return False
    return True


def test_a_model_comes_back_bit_for_bit(model, folder):
    found = load_model(folder)

    assert found.rating_range == model.rating_range
    assert (found.n_users, found.n_ratings) == (model.n_users, model.n_ratings)
    np.testing.assert_array_equal(found.item_ids, model.item_ids)
    np.testing.assert_array_equal(found.item_counts, model.item_counts)
    for name in ("rating", "ranking"):
        before, after = getattr(model, name), getattr(found, name)
        assert after.configuration == before.configuration
        assert after.global_mean == before.global_mean
        assert after.residual_variance == before.residual_variance
        for field in ("item_biases", "item_factors"):
            expected = getattr(before, field)
            np.testing.assert_array_equal(getattr(after, field), expected, strict=True)
        for field in ("gram", "moment"):
            expected = getattr(before.unobserved, field)
            found_sum = getattr(after.unobserved, field)
            np.testing.assert_array_equal(found_sum, expected, strict=True)


@pytest.fixture
def learned_folder(model, learned, tmp_path):
    rating = replace(model, rating=learned.head)
    save_model(rating, tmp_path / "learned", details={})
    return tmp_path / "learned"


def test_a_head_that_learned_its_weights_comes_back_bit_for_bit(
    learned, learned_folder
):
    found = load_model(learned_folder).rating

    assert found.configuration == learned.head.configuration
    arrays = found.arrays()
    for name, expected in learned.head.arrays().items():
        array = arrays[name]
        np.testing.assert_array_equal(array, expected, strict=True)
        assert not array.flags.writeable


def test_a_manifest_with_parameters_that_no_longer_exist_is_read(folder, model):
    for head in ("rating", "ranking"):
        edit(folder, set_in("model", head, "configuration", "solver", "cholesky"))
        edit(folder, set_in("model", head, "configuration", "n_gradient_steps", 3))

    found = load_model(folder)

    assert found.rating.configuration == model.rating.configuration
    assert found.ranking.configuration == model.ranking.configuration


@pytest.mark.parametrize(
    ("part", "row", "message"),
    [
        ("weights", 0, "be positive"),
        ("item_variances", 0, "not be negative"),
        ("levels", 0, "rise"),
        ("levels", 2, "be positive"),
    ],
)
def test_a_learned_head_with_impossible_numbers_is_refused(
    learned_folder, part, row, message
):
    name = f"rating_{part}.npy"
    array = np.load(learned_folder / name)
    array[row] = -1
    forge(learned_folder, name, saved(array))

    with pytest.raises(ArtifactError, match=f"must {message}"):
        load_model(learned_folder)


def test_loaded_arrays_are_mapped_and_read_only(folder):
    factors = load_model(folder).ranking.item_factors

    assert isinstance(factors.base, np.memmap)
    assert not factors.flags.writeable
    assert type(factors) is np.ndarray


def test_a_model_of_biases_alone_can_be_stored(model, tmp_path):
    head = replace(
        model.rating,
        configuration=replace(model.rating.configuration, n_factors=0),
        item_factors=np.zeros((model.n_items, 0), np.float32),
        unobserved=replace(
            model.rating.unobserved, gram=np.ones((1, 1)), moment=np.ones(1)
        ),
    )

    save_model(replace(model, rating=head), tmp_path / "model", details={})

    assert load_model(tmp_path / "model").rating.item_factors.shape[1] == 0


def test_the_manifest_keeps_the_details_and_is_returned(model, tmp_path):
    details: dict[str, Json] = {"ndcg": 0.25, "note": None, "sweeps": [1, 2]}

    manifest = save_model(model, tmp_path / "model", details=details)

    assert read_manifest(tmp_path / "model") == manifest
    assert manifest.details == details


def test_only_the_owner_may_read(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_stored_model_is_never_overwritten(model, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(ArtifactError, match="never changes"):
        save_model(model, folder, details={})

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_planted_link_is_not_followed(model, tmp_path):
    (tmp_path / "model").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ArtifactError, match="exists"):
        save_model(model, tmp_path / "model", details={})

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("details", [{"x": float("nan")}, {"x": object()}])
def test_details_must_be_json(model, tmp_path, details):
    with pytest.raises(DataError, match="plain JSON"):
        save_model(model, tmp_path / "model", details=details)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["open", "fsync", "rename"])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_nothing_behind_at_any_point(
    model, tmp_path, monkeypatch, call, reason
):
    """Fail at the first such call, the second, and so on until one save succeeds."""
    original = getattr(os, call)
    for point in range(1, 100):
        calls = 0

        def failing(*arguments, at=point, **options):
            nonlocal calls
            calls += 1
            if calls == at:
                raise OSError(reason, os.strerror(reason))
            return original(*arguments, **options)

        monkeypatch.setattr(os, call, failing)
        try:
            save_model(model, tmp_path / "model", details={})
        except OSError:
            monkeypatch.setattr(os, call, original)
            # The last fsync, of the parent, comes when the model is already whole.
            if (tmp_path / "model").exists():
                assert same(load_model(tmp_path / "model"), model)
                shutil.rmtree(tmp_path / "model")
            assert list(tmp_path.iterdir()) == []
        else:
            break
    monkeypatch.setattr(os, call, original)

    assert point > (1 if call == "rename" else 10)
    assert same(load_model(tmp_path / "model"), model)


def test_a_full_disk_leaves_nothing_behind(model, tmp_path):
    """A limit on file size stands for the disk; the kernel refuses for real."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_model(model, tmp_path / "model", details={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []


def test_a_kill_at_any_point_leaves_a_whole_model_or_none(model, folder, tmp_path):
    target = tmp_path / "killed"
    target.mkdir()

    subprocess.run([sys.executable, "-c", KILLED, folder, target], check=True)

    points = sorted(target.iterdir(), key=lambda path: int(path.name))
    is_whole = [(point / "model").exists() for point in points]
    assert len(points) > 30
    assert is_whole == sorted(is_whole)  # from the rename on
    assert is_whole[-3:] == [True] * 3
    assert not any(is_whole[:-4])
    for point, was_renamed in zip(points, is_whole, strict=True):
        assert all(path.name[0] == "." for path in point.iterdir()) != was_renamed
        if was_renamed:
            assert same(load_model(point / "model"), model)
    assert same(load_model(folder), model)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no usable manifest"):
        load_model(tmp_path / "nothing")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_noticed(folder, data):
    names = sorted(path.name for path in folder.iterdir())
    path = folder / data.draw(st.sampled_from(names))
    content = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)

    try:
        with pytest.raises(ArtifactError):
            load_model(folder)
    finally:
        path.write_bytes(content)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cut_is_noticed(folder, data):
    names = sorted(path.name for path in folder.iterdir())
    path = folder / data.draw(st.sampled_from(names))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])

    try:
        with pytest.raises(ArtifactError):
            load_model(folder)
    finally:
        path.write_bytes(content)


def test_files_of_another_version_are_refused(model, folder, tmp_path):
    other = replace(model.rating, item_factors=model.rating.item_factors * 2)
    save_model(replace(model, rating=other), tmp_path / "other", details={})

    shutil.copy(tmp_path / "other" / FACTORS, folder / FACTORS)

    with pytest.raises(ArtifactError, match=f"{FACTORS}: the SHA-256 differs"):
        load_model(folder)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name", [FACTORS, "ranking_item_biases.npy", "ranking_gram.npy"]
)
def test_values_that_are_not_finite_are_refused(folder, name, bad):
    array = np.load(folder / name).copy()
    array.flat[-1] = bad
    forge(folder, name, saved(array))

    with pytest.raises(ArtifactError, match=f"{name}: a value is not finite"):
        load_model(folder)


def huge_header():
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 3)}
    )
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        pickle.dumps({"factors": 1}),
        saved(np.array([object()]), allow_pickle=True),
        huge_header(),
        saved(np.zeros((3, 3))),
    ],
    ids=["empty", "text", "pickle", "objects", "huge", "float64"],
)
def test_forged_files_are_refused_even_with_a_matching_hash(folder, content):
    forge(folder, FACTORS, content)

    with pytest.raises(ArtifactError, match=FACTORS):
        load_model(folder)


def test_a_transposed_layout_is_refused(folder):
    array = np.load(folder / FACTORS)
    content = saved(np.asfortranarray(array))
    assert len(content) == (folder / FACTORS).stat().st_size
    forge(folder, FACTORS, content)

    with pytest.raises(ArtifactError, match=f"{FACTORS}: the header"):
        load_model(folder)


def test_nothing_is_unpickled(folder, tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "attacked"),)

    forge(folder, FACTORS, saved(np.array([Attack()]), allow_pickle=True))

    with pytest.raises(ArtifactError):
        load_model(folder)
    assert not (tmp_path / "attacked").exists()


def test_links_pipes_and_missing_files_are_refused(folder, tmp_path):
    (folder / FACTORS).rename(tmp_path / "factors.npy")

    with pytest.raises(ArtifactError, match="No such file"):
        load_model(folder)
    (folder / FACTORS).symlink_to(tmp_path / "factors.npy")
    with pytest.raises(ArtifactError, match="symbolic link"):
        load_model(folder)
    (folder / FACTORS).unlink()
    os.mkfifo(folder / FACTORS)
    with pytest.raises(ArtifactError, match="not a regular file"):
        load_model(folder)


def test_a_link_to_a_model_folder_is_refused(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)

    with pytest.raises(ArtifactError, match="no usable manifest"):
        load_model(tmp_path / "link")


def rename_file(document):
    document["files"]["../outside.npy"] = document["files"].pop(FACTORS)


@pytest.mark.parametrize(
    "change",
    [
        set_in("format", "other"),
        set_in("version", 2),
        set_in("surprise", {}),
        set_in("files", []),
        set_in("files", FACTORS, "shape", [1, 2]),
        set_in("files", FACTORS, "dtype", "|O"),
        set_in("files", FACTORS, "bytes", 1),
        set_in("files", FACTORS, {}),
        set_in("files", FACTORS, None),
        rename_file,
        set_in("model", "n_items", 10**9),
        set_in("model", "n_items", -1),
        set_in("model", "n_users", [1]),
        set_in("model", "n_users", 1.5),
        set_in("model", "rating_range", [1]),
        set_in("model", "rating_range", ["a", "b"]),
        set_in("model", "rating", None),
        set_in("model", "rating", "global_mean", "3"),
        set_in("model", "rating", "residual_variance", -1),
        set_in("model", "rating", "configuration", "n_factors", 10**6),
        set_in("model", "rating", "configuration", "n_factors", "3"),
        set_in("model", "rating", "configuration", "module", "os"),
    ],
)
def test_a_manifest_that_is_not_of_the_format_is_refused(folder, change):
    load_model(folder)
    edit(folder, change)

    with pytest.raises(ArtifactError):
        load_model(folder)


def test_a_manifest_signed_anew_is_as_good_as_the_first(folder):
    edit(folder, set_in("model", "n_users", 77))

    assert load_model(folder).n_users == 77


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", "{}", '{"format": NaN}', "[" * 100_000, " " * 2_000_000],
    ids=["empty", "list", "null", "cut", "bare", "nan", "nested", "large"],
)
def test_a_manifest_that_is_no_manifest_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)

    with pytest.raises(ArtifactError, match="no usable manifest"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "value"), [("item_ids.npy", 10**6), ("item_counts.npy", -1)]
)
def test_ids_must_rise_and_counts_must_not_be_negative(folder, name, value):
    array = np.load(folder / name).copy()
    array[0] = value
    forge(folder, name, saved(array))

    with pytest.raises(ArtifactError, match="ids must rise"):
        load_model(folder)
