"""The audit of dependencies tells what it has checked, and what it has not."""

import json
import subprocess
import sys

import pytest

from scripts import audit


def done(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 0, stdout=text, stderr="")


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("MIT", True),
        ("(MIT OR GPL-3.0-or-later)", True),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True),
        ("MIT AND GPL-3.0-or-later", False),
        ("", False),
        ("UNKNOWN", False),
    ],
)
def test_a_licence_is_allowed_only_if_the_list_has_it(stated, expected):
    assert audit.allowed(stated) == expected


def test_everything_that_is_locked_has_a_licence_of_the_list():
    ended = subprocess.run(
        [sys.executable, "scripts/audit.py", "licences"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.stdout.splitlines() == [
        "licences of Python: none to look at",
        "licences of the app: none to look at",
    ]
    assert ended.returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        json.dumps({"dependencies": [{"name": "a", "skip_reason": "no answer"}]}),
    ],
)
def test_what_could_not_be_asked_is_not_checked(text, capsys):
    found = audit.of_python(done(text))

    assert found is None
    assert audit.report("vulnerabilities", found) == 2
    assert "not checked" in capsys.readouterr().out


def test_a_vulnerability_is_named(capsys):
    fault = {"name": "a", "version": "1", "vulns": [{"id": "CVE-2026-1"}]}

    found = audit.of_python(done(json.dumps({"dependencies": [fault]})))

    assert audit.report("vulnerabilities", found) == 1
    assert "a 1: CVE-2026-1" in capsys.readouterr().out
    assert audit.of_node(done('{"vulnerabilities": {"b": {"severity": "high"}}}')) == [
        "b: high"
    ]
    assert audit.of_node(done("")) is None
