"""Logs: one event a request, one line an event, and no secrets."""

import json
import logging

import pytest

from api.observability import configure_logging


@pytest.fixture
def _own_logging():
    """Put the handlers of the tests back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
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
