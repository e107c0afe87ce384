"""A corrupt model costs a moment, a line in the log and nothing else (F8).

What is wrong with each file is found by `tests/engine/test_artifacts.py`; here a whole
model of the sample is, in the place of the active one, while another one serves.
"""

import io
import pickle
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from api.services.model_store import ModelStore
from engine.jobs.memory import peak_bytes, reset_peak
from engine.model.files import load_model, save_model
from tests.api.services.test_model_store import activate
from tests.engine.model.test_files import (
    FACTORS,
    edit,
    forge,
    huge_header,
    saved,
    set_in,
)

pytestmark = pytest.mark.anyio

N_FLIPS, N_CUTS = 200, 50
MAX_SECONDS = 1.0
MAX_BYTES = 64 << 20  # beside the size that the model has

Damage = Callable[[Path], Any]


def change_somewhere(seed: int, change: Callable[[random.Random, bytes], bytes]) -> Any:
    """Change one of the files, any of them."""

    def damage(folder: Path) -> None:
        pick = random.Random(seed)
        path = pick.choice(sorted(folder.iterdir()))
        path.write_bytes(change(pick, path.read_bytes()))

    return damage


def flipped(pick: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[pick.randrange(len(content))] ^= 1 << pick.randrange(8)
    return bytes(changed)


def cut(pick: random.Random, content: bytes) -> bytes:
    return content[: pick.randrange(len(content))]


def take_from_another(name: str, folder: Path) -> None:
    """Put in a file of another version of the model."""
    model = load_model(folder)
    doubled = replace(model.rating, item_factors=model.rating.item_factors * 2)
    other = folder.with_name("other")
    save_model(replace(model, rating=doubled), other, details={})
    shutil.copy(other / name, folder / name)
    shutil.rmtree(other)


def set_last(value: float, folder: Path) -> None:
    array = np.load(folder / FACTORS)
    array.flat[-1] = value
    forge(folder, FACTORS, saved(array))


def compressed() -> bytes:
    """Compress an array to less than a thousandth of its 64 MiB."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, factors=np.zeros(1 << 24, dtype=np.float32))
    content = buffer.getvalue()
    assert len(content) < 1 << 16
    return content


def put(content: bytes) -> Damage:
    """Put in other bytes, with the hash that they have."""
    return lambda folder: forge(folder, FACTORS, content)


def sign(*path: object) -> Damage:
    """Have the manifest state something else, signed anew."""
    return lambda folder: edit(folder, set_in(*path))


DAMAGES: dict[str, list[Damage]] = {
    "flipped bits": [change_somewhere(n, flipped) for n in range(N_FLIPS)],
    "cuts": [change_somewhere(n, cut) for n in range(N_CUTS)],
    "files of two versions": [
        partial(take_from_another, name) for name in (FACTORS, "manifest.json")
    ],
    "shapes": [
        sign("files", FACTORS, "shape", [10**6, 10**6]),
        sign("model", "n_items", 10**9),
    ],
    "dtypes": [
        sign("files", FACTORS, "dtype", dtype) for dtype in ("<f8", "|O", "<i4")
    ],
    "values": [partial(set_last, value) for value in (np.nan, np.inf, -np.inf)],
    "versions": [sign("version", version) for version in (3, 5, "4", None)],
    "files missing": [
        partial(lambda name, folder: (folder / name).unlink(), name)
        for name in (FACTORS, "manifest.json", "item_ids.npy")
    ],
    "objects": [
        put(saved(np.array([object()]), allow_pickle=True)),
        put(pickle.dumps({"factors": 1})),
    ],
    "10^12 elements": [put(huge_header())],
    "expands a thousand times": [put(compressed())],
}


@pytest.mark.parametrize("damages", DAMAGES.values(), ids=DAMAGES)
async def test_a_corrupt_model_is_refused_at_once_at_little_cost_and_told_once(
    session, sessions, models_dir, tmp_path, trained, caplog, damages
):
    await activate(session, "corrupt")
    folder = tmp_path / "corrupt"
    sound = models_dir / "first"
    n_bytes = sum(path.stat().st_size for path in sound.iterdir())

    for damage in damages:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sound, folder)
        damage(folder)
        store = ModelStore(tmp_path, sessions)
        store.current = trained
        caplog.clear()
        reset_peak()
        n_before, began = psutil.Process().memory_info().rss, time.perf_counter()

        await store.refresh()

        seconds, peak = time.perf_counter() - began, peak_bytes()
        await store.refresh()
        assert seconds <= MAX_SECONDS
        assert peak is None or peak - n_before <= n_bytes + MAX_BYTES
        assert store.current is trained
        [event] = [r for r in caplog.records if "refused" in r.getMessage()]
        assert event.levelname == "ERROR"
