"""The example of the package runs, and the package needs no service."""

import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine


@pytest.mark.compiled
def test_the_example_in_the_docstring_is_true():
    result = doctest.testmod(engine)

    assert result.attempted >= 6
    assert result.failed == 0


def test_every_public_name_exists():
    assert all(hasattr(engine, name) for name in engine.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        _ = engine.nothing


def test_importing_the_engine_imports_neither_web_nor_database_code():
    loaded = modules_after("from engine import fit")

    assert "engine.training.fit" in loaded
    assert not {"api", "fastapi", "sqlalchemy", "psycopg"} & loaded


def test_a_web_process_starts_without_the_compiler_pandas_and_scikit_learn():
    loaded = modules_after("import api.commands.main")

    assert "api.main" in loaded
    assert not {"numba", "pandas", "sklearn"} & loaded


def modules_after(statement):
    """Run a statement in a new process and list the modules it has loaded."""
    output = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    ).stdout
    return set(output.split())
