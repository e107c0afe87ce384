"""A prepared data folder, copied for each test that starts the service."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.service import running


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after its first start: sample loaded, model trained."""
    folder = tmp_path_factory.mktemp("prepared")
    with running(folder / "data", folder / "log"):
        pass
    return folder / "data"


@pytest.fixture
def copy_of_prepared(prepared: Path, tmp_path: Path) -> Callable[[], Path]:
    """Make copies of the prepared folder, owners and modes kept."""
    n_copies = 0

    def copy() -> Path:
        nonlocal n_copies
        n_copies += 1
        target = tmp_path / f"data{n_copies}"
        subprocess.run(["/bin/cp", "--archive", prepared, target], check=True)
        return target

    return copy
