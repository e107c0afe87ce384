"""Audit what Cinefold is built from: known vulnerabilities, and licences.

    python scripts/audit.py             # both
    python scripts/audit.py licences    # needs no network

Prints one line for each check. Exit status 0: nothing found; 1: something found; 2: the
vulnerabilities were not checked, because the advisory data could not be reached.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
APP = ROOT / "frontend"

# Licences that let Cinefold be used and shipped as it is.
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause",
        "BSD-3-Clause", "BlueOak-1.0.0", "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "MIT-0",
        "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
        # As older packages write them.
        "3-Clause BSD License", "Apache Software License", "BSD License",
        "DFSG approved; MIT License", "ISC License (ISCL)", "MIT License",
        "Python Software Foundation License",
        # Weak copyleft: it asks for its own files alone.
        "LGPL-3.0-only", "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)",
    }
)  # fmt: skip


def main(checks: Sequence[str]) -> int:
    """Run the checks and return the exit status."""
    results = []
    if not checks or "licences" in checks:
        results += [report(f"licences of {name}", found) for name, found in licences()]
    if not checks or "vulnerabilities" in checks:
        for name, found in vulnerabilities():
            results.append(report(f"vulnerabilities of {name}", found))
    return 1 if 1 in results else max(results, default=0)


def report(name: str, found: Sequence[str] | None) -> int:
    """Print the result of one check."""
    if found is None:
        print(f"{name}: not checked, the advisory data cannot be reached")
        return 2
    print(
        f"{name}: {len(found) or 'none'} to look at"
        if found
        else f"{name}: none to look at"
    )
    for line in found:
        print(f"  {line}")
    return 1 if found else 0


def licences() -> Iterator[tuple[str, list[str]]]:
    """List the packages whose licence is not on the list."""
    wanted = "--format", "json", "--from", "mixed", "--with-system"
    listed = run("pip-licenses", *wanted)
    yield (
        "Python",
        [
            f"{each['Name']} {each['Version']}: {each['License']}"
            for each in json.loads(listed.stdout)
            if each["Name"] != "cinefold" and not allowed(each["License"])
        ],
    )
    lock = json.loads((APP / "package-lock.json").read_text())
    yield (
        "the app",
        [
            f"{path.removeprefix('node_modules/')}: {each.get('license', 'none')}"
            for path, each in lock["packages"].items()
            if path and not allowed(each.get("license", ""))
        ],
    )


def allowed(stated: str) -> bool:
    """Whether a licence, or one of several to choose from, is on the list."""
    choices = [choice.split(" AND ") for choice in stated.split(" OR ")]
    return any(
        all(part.strip(" ()") in ALLOWED or part in ALLOWED for part in parts)
        for parts in choices
    )


def vulnerabilities() -> Iterator[tuple[str, list[str] | None]]:
    """Ask the advisory databases of both registries; None where they do not answer."""
    done = run(
        "pip-audit", "--require-hashes", "--disable-pip", "--format", "json",
        "--requirement", "requirements.txt", "--progress-spinner", "off",
    )  # fmt: skip
    yield "Python", of_python(done)
    audit = run("npm", "audit", "--json", cwd=APP)
    yield "the app", of_node(audit)


def of_python(done: subprocess.CompletedProcess[str]) -> list[str] | None:
    """Read what pip-audit found; None unless it looked up everything."""
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    if any("skip_reason" in each for each in dependencies):
        return None  # what was not looked up is not known to be sound
    return [
        f"{each['name']} {each['version']}: {fault['id']}"
        for each in dependencies
        for fault in each.get("vulns", [])
    ]


def of_node(done: subprocess.CompletedProcess[str]) -> list[str] | None:
    """Read what `npm audit` found; None if it got no answer."""
    try:
        found = json.loads(done.stdout)["vulnerabilities"]
    except (ValueError, KeyError):
        return None
    return [f"{name}: {each['severity']}" for name, each in found.items()]


def run(
    program: str, *arguments: str, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment, or of the path."""
    own = Path(sys.executable).parent / program
    command = [str(own) if own.exists() else program, *arguments]
    return subprocess.run(  # noqa: S603 - constants
        command, cwd=cwd, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
