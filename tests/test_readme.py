"""What the README and the documentation show is what happens."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from typer.main import get_command

from api.commands.main import app as commands
from api.main import create_app
from api.settings import Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
# Variables that other programs read, or only the tests and benchmarks.
FOREIGN = {"POSTGRES_PASSWORD", "LIBMF"}
FOREIGN_PREFIXES = (
    "CINEFOLD_",
    "OTEL_",
    "OPENBLAS_",
    "FUZZ_",
    "CONSISTENCY_",
    "DURABILITY_",
)


@pytest.fixture(scope="module")
def routes():
    app = create_app(Settings(), "postgresql+psycopg://")
    return [route for route in app.routes if isinstance(route, APIRoute)]


def test_the_example_of_the_engine_prints_what_the_tutorial_says():
    text = (ROOT / "docs" / "tutorial" / "engine.md").read_text()
    example = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", text, re.DOTALL)
    assert example is not None

    ran = subprocess.run(
        [sys.executable, "-c", example[1]],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert ran.stdout == example[2]


def test_the_answer_in_the_readme_has_the_shape_the_service_sends(routes):
    answer = re.search(r"```json\n(.*?)```", README.read_text(), re.DOTALL)
    assert answer is not None
    asked = "/recommendations", {"POST"}
    route = next(route for route in routes if (route.path, route.methods) == asked)

    schema = TypeAdapter(route.response_model)
    parsed = schema.validate_json(answer[1])

    assert schema.dump_python(parsed, mode="json") == json.loads(answer[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_a_page_points_to_is_there(page):
    linked = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", page.read_text())

    assert [path for path in linked if not (page.parent / path).exists()] == []


def mentioned(pattern):
    """Every match in any page, with the page it stands in."""
    return [
        (str(page.relative_to(ROOT)), found)
        for page in PAGES
        for found in re.findall(pattern, page.read_text())
    ]


def test_every_command_that_is_mentioned_exists():
    root = get_command(commands)
    said = mentioned(r"(?m)(?:`|^    (?:\S+=\S+ |\S*/)?)cinefold ([a-z][a-z -]*)")

    unknown = [(page, words) for page, words in said if not is_command(root, words)]

    assert said
    assert unknown == []


def is_command(root, words):
    """Whether the words begin with a command, and a subcommand where one is due."""
    first, *rest = words.split()
    command = root.commands.get(first)
    subcommands = getattr(command, "commands", None)
    return command is not None and (
        subcommands is None or (rest != [] and rest[0] in subcommands)
    )


def test_every_variable_that_is_mentioned_is_a_setting():
    settings = {name.upper() for name in Settings.model_fields} | FOREIGN
    said = mentioned(r"\b([A-Z]{2,}(?:_[A-Z]+)+)\b=?")

    unknown = [
        (page, name)
        for page, name in said
        if name not in settings and not name.startswith(FOREIGN_PREFIXES)
    ]

    assert said
    assert unknown == []


def test_every_route_that_is_mentioned_exists(routes):
    known = {(m, route.path) for route in routes for m in route.methods}
    known.add(("GET", "/openapi.json"))
    said = mentioned(r"`(GET|POST|PUT|PATCH|DELETE) (/[\w/{}.-]*)")

    unknown = [(page, request) for page, request in said if request not in known]

    assert said
    assert unknown == []


def test_every_module_that_is_mentioned_exists():
    said = mentioned(r"python -m ([a-z_]+\.[a-z_]+)")

    unknown = [
        (page, name)
        for page, name in said
        if not (ROOT / f"{name.replace('.', '/')}.py").exists()
    ]

    assert said
    assert unknown == []
