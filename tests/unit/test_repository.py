"""The repository keeps its own rules: imports go down, start-up is light, the papers are sound."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "decentralml"

# docs/architecture.md, from the top floor to the ground. Rooms on one floor may not import each
# other unless it is said here.
FLOORS = (
    {"__main__", "__init__"},
    {"cli"},
    {"flower"},
    {"market", "swarm"},
    {"validation", "learning"},
    {"bundles", "sandbox", "storage", "db"},
    {"chain"},
    {"devchain"},
    {"runtime"},
    {"config", "service"},
    {"errors"},
    {"types"},
)
NEIGHBOURS = {
    ("bundles", "storage"),
    ("db", "bundles"),
    ("db", "storage"),
    ("sandbox", "storage"),
    ("validation", "learning"),
}
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    """Rooms of this package that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "decentralml":
                names = [f"decentralml.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "decentralml" and len(parts) > 1 and parts[1] in FLOOR_OF:
                yield parts[1]


def test_imports_go_down_only() -> None:
    climbing = [
        f"{file.relative_to(ROOT)} imports {target}"
        for file in PACKAGE.rglob("*.py")
        for target in imports(file)
        if target != (room := room_of(file))
        and FLOOR_OF[target] <= FLOOR_OF[room]
        and (room, target) not in NEIGHBOURS
    ]
    assert not climbing


@pytest.mark.parametrize(
    "heavy", ["torch", "numpy", "wasmtime", "substrateinterface", "rich", "sqlalchemy"]
)
def test_the_command_line_starts_without_heavy_imports(heavy: str) -> None:
    program = f"import sys, decentralml.cli.main; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_the_compose_file_names_services_that_can_start() -> None:
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text("utf-8"))
    for name, service in compose["services"].items():
        assert "image" in service or "build" in service, name
        assert service["healthcheck"]["test"], name
        for port in service["ports"]:
            if "5001" in port or "9944" in port:
                assert port.startswith("127.0.0.1:"), f"{name} opens an RPC to the world"
    declared = set(compose["volumes"])
    used = {v.split(":")[0] for s in compose["services"].values() for v in s["volumes"]}
    assert used == declared
    assert (ROOT / compose["services"]["chain"]["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize(
    "script", ["scripts/demo", "scripts/test", "scripts/build-runtime", ".ci/run"]
)
def test_scripts_are_executable_and_parse(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(ROOT / script)]).returncode == 0


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "scripts/demo" in readme
    assert "scripts/test" in readme
