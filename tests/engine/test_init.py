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


def test_importing_the_engine_imports_neither_web_nor_database_code():
    code = "import engine, sys; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    ).stdout.split()

    assert "engine.als" in loaded
    assert not {"api", "fastapi", "sqlalchemy", "psycopg"} & set(loaded)
