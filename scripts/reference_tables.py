"""Fill the reference pages of the documentation from the code they describe.

A MkDocs hook: a page asks for a table by a comment such as `<!-- table: settings -->`.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from fastapi.routing import APIRoute
from typer.cli import get_docs_for_click
from typer.main import get_command

from api.commands.main import app as commands
from api.main import create_app
from api.settings import Settings
from api.web import dependencies as access

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
# Who may call a route, by its narrowest declaration.
CALLERS = (
    (access.public, "everyone"),
    (access.admin_user, "administrators"),
    (access.metrics_reader, "an administrator's key with scope `read`"),
    (access.serving_user, "scope `serve`"),
    (access.subject, "that user, or scope `serve`"),
    (access.session_user, "people signed in"),
    (access.rater, "scope `rate` or `serve`"),
    (access.identified, "anyone signed in"),
)


def on_page_markdown(
    markdown: str,
    page: "Page",  # noqa: ARG001 - MkDocs passes them by name
    config: "MkDocsConfig",  # noqa: ARG001 - likewise
    files: "Files",  # noqa: ARG001 - likewise
) -> str:
    """Replace each comment by its table."""
    return re.sub(
        "<!-- table: ([a-z]+) -->", lambda found: TABLES[found[1]](), markdown
    )


def command_sections() -> str:
    """Describe every command as `--help` does, a section each."""
    root = get_command(commands)
    text = get_docs_for_click(obj=root, ctx=typer.Context(root), name="cinefold")
    text = text[text.index("\n## ") :].replace(f"{ROOT}/", "")
    text = text.replace("* `--help`: Show this message and exit.\n", "")
    return re.sub(r"\*\*Options\*\*:\n\n(?=\n|\*\*|$)", "", text)


def setting_rows() -> str:
    """List every setting with its default and what it does."""
    rows = [("Variable", "Default", "Effect"), ("---", "---", "---")]
    for name, field in Settings.model_fields.items():
        if not field.description:
            raise ValueError(f"the setting {name} has no description")
        default = {None: "unset", False: "`false`"}.get(
            field.default, f"`{field.default}`"
        )
        rows.append((f"`{name.upper()}`", default, field.description))
    return table(rows)


def route_sections() -> str:
    """List every route of the REST API under the subject it belongs to."""
    subjects: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for route in create_app(Settings(), "postgresql+psycopg://").routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            request = f"`{' '.join(route.methods or ())} {route.path}`"
            effect = route.description.split("\n\n", 1)[0].replace("\n", " ")
            subjects[str(route.tags[0])].append((request, caller(route), effect))
    head = ("Request", "Who may call", "Effect"), ("---", "---", "---")
    return "\n".join(
        f"## {subject.capitalize()}\n\n{table([*head, *rows])}\n"
        for subject, rows in subjects.items()
    )


def caller(route: APIRoute) -> str:
    """Name the callers a route lets in."""
    declared = access.calls(route.dependant)
    return next(who for dependency, who in CALLERS if dependency in declared)


def table(rows: "Sequence[tuple[str, ...]]") -> str:
    """Write rows as a Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


TABLES = {
    "commands": command_sections,
    "settings": setting_rows,
    "routes": route_sections,
}
