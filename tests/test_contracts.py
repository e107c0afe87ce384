"""Each import contract fails when a module imports what the contract forbids."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A contract, a module, and an import by which that module breaks the contract.
FORBIDDEN = [
    (
        "Commands call the service, the service calls the engine",
        "api/services/movies.py",
        "api.routes.movies",
    ),
    (
        "What the service rests on knows none of its rules",
        "api/schemas/base.py",
        "api.services.movies",
    ),
    ("No circles", "api/formats/csv_cells.py", "api.formats.rating_files"),
    ("No circles", "engine/experiments/statistics.py", "engine.experiments.designs"),
    ("No circles", "engine/training/als.py", "engine.paper.updates"),
    (
        "The engine's wings, from the top down",
        "engine/data/ratings.py",
        "engine.training.fit",
    ),
    ("What serves needs no compiler", "engine/serving/ranking.py", "numba"),
    (
        "The paper's report stands on the engine alone",
        "reproduction/__init__.py",
        "api.settings",
    ),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages that the contracts are about."""
    folder = tmp_path_factory.mktemp("house")
    configuration = (ROOT / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(configuration)
    for package in tomllib.loads(configuration)["tool"]["importlinter"][
        "root_packages"
    ]:
        for source in (ROOT / package).rglob("*.py"):
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def lint(folder: Path) -> str:
    """Check the contracts of a folder; return what the linter prints."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program], cwd=folder, capture_output=True, text=True, check=False
    ).stdout


def test_every_contract_has_an_import_that_breaks_it():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

    names = {contract["name"] for contract in settings["importlinter"]["contracts"]}

    assert names == {name for name, _, _ in FORBIDDEN}


def test_the_contracts_hold(house):
    assert "Contracts: 6 kept, 0 broken." in lint(house)


@pytest.mark.parametrize(("name", "module", "imported"), FORBIDDEN)
def test_a_forbidden_import_breaks_its_contract(house, name, module, imported):
    source = house / module
    text = source.read_text()

    source.write_text(f"{text}\nimport {imported}\n")
    printed = lint(house)
    source.write_text(text)

    assert f"{name} BROKEN" in printed
