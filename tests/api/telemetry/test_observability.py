"""Logs: one event a request, one line an event, and no secrets."""

import json
import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.telemetry.observability import configure_logging
from tests.conftest import keyed


@pytest.fixture
def _own_logging():
    """Start without handlers: those of earlier tests write to files closed by now."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []
    yield
    root.handlers, root.level = handlers, level


def events(text: str) -> list[dict[str, object]]:
    """Parse what was logged; a line that is no JSON document fails."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.anyio
@pytest.mark.usefixtures("_own_logging")
async def test_a_request_is_one_event_without_what_it_carried(anonymous, capsys):
    configure_logging("INFO")
    secret = "correct horse staple"  # noqa: S105 - nobody's

    reply = await anonymous.post(
        "/auth/session", json={"username": "nobody", "password": secret}
    )
    await anonymous.get("/movies/1?limit=77777")
    await anonymous.get("/no%0asuch%0apage")

    own = [e for e in events(capsys.readouterr().err) if e["logger"] != "httpx"]
    found = [event for event in own if event["event"] == "request"]
    assert [(e["method"], e["route"], e["status"]) for e in found] == [
        ("POST", "/auth/session", 401),
        ("GET", "/movies/{movie_id}", 422),
        ("GET", "unmatched", 404),
    ]
    assert found[0]["request_id"] == reply.headers["x-request-id"]
    assert all(isinstance(e["milliseconds"], float) for e in found)
    assert secret not in str(own)
    assert "77777" not in str(own)


@pytest.mark.usefixtures("_own_logging")
def test_an_event_stays_one_line_whatever_it_says(capsys):
    configure_logging("INFO")

    logging.getLogger("test").warning("first\nsecond: %s", "\r\nforged")
    hidden = "a local value"
    try:
        float(f"no\nsuch\n{len(hidden)}?")
    except ValueError:
        logging.getLogger("test").exception("failed")

    first, second = events(capsys.readouterr().err)
    assert first["event"] == "first\nsecond: \r\nforged"
    assert first["level"] == "warning"
    assert "ValueError" in str(second["exception"])
    assert hidden not in str(second)


@pytest.mark.anyio
@pytest.mark.usefixtures("_own_logging")
async def test_an_event_names_the_caller_and_never_the_key(app, admin, capsys):
    async with keyed(app, admin, "read") as program:
        configure_logging("INFO")
        await program.get("/me")
        await admin.get("/me")
        await program.get("/me", headers={"authorization": "Bearer mistyped"})
    key = program.headers["authorization"].removeprefix("Bearer ")

    written = capsys.readouterr().err
    found = [event for event in events(written) if event["event"] == "request"]
    assert [event.get("user_id") for event in found] == [admin.user_id] * 2 + [None]
    assert [event.get("key") for event in found] == [key[:17], None, None]
    assert key not in written
    assert admin.cookies["session"] not in written
    assert "mistyped" not in written


@pytest.mark.anyio
@pytest.mark.usefixtures("_own_logging")
async def test_a_failed_statement_is_logged_without_its_values(sessions, capsys):
    configure_logging("INFO")

    async with sessions() as session:
        try:
            await session.execute(
                text("SELECT 1 / (length(:hash) - 9)"), {"hash": "swordfish"}
            )
        except DBAPIError:
            logging.getLogger("test").exception("failed")

    (event,) = events(capsys.readouterr().err)
    assert "division by zero" in str(event["exception"])
    assert "swordfish" not in str(event["exception"])


@pytest.mark.usefixtures("_own_logging")
def test_a_terminal_cannot_be_steered_and_shows_no_values(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    configure_logging("WARNING")
    password = "swordfish"  # noqa: S105 - nobody's

    logging.getLogger("test").warning("first\nforged \x1b[2J\u2028")
    try:
        float(f"{len(password)}?")
    except ValueError:
        logging.getLogger("test").exception("failed")

    first, rest = capsys.readouterr().err.split("\n", 1)
    assert r"first\nforged \x1b[2J\u2028" in first
    assert "ValueError" in rest
    assert "swordfish'" not in rest


@pytest.mark.usefixtures("_own_logging")
def test_a_terminal_gets_columns(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    configure_logging("WARNING")

    logging.getLogger("test").info("not shown")
    logging.getLogger("test").warning("shown")

    written = capsys.readouterr().err
    assert "shown" in written
    assert "not shown" not in written
    assert not written.startswith("{")
