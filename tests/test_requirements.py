"""What is installed for its user is what the package imports."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
# What whoever works on the package installs; every other extra is for its users.
OURS = {"bench", "dev", "docs", "fuzz", "mutants"}
# Libraries that are imported under another name than they are installed by.
IMPORTED_AS = {"scikit-learn": "sklearn"}


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


@cache
def imported() -> frozenset[str]:
    """The top-level modules that anything in src/downslope imports, wherever in its file."""
    names: set[str] = set()
    for path in (ROOT / "src" / "downslope").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module or "")
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_optional":
                names.add(ast.literal_eval(node.args[0]))
    return frozenset(name.partition(".")[0] for name in names)


REQUIRED = {extra: EXTRAS[extra] for extra in EXTRAS.keys() - OURS - {"all"}} | {"core": PROJECT["dependencies"]}


@pytest.mark.parametrize(("extra", "requirement"), [(key, one) for key in sorted(REQUIRED) for one in REQUIRED[key]])
def test_what_is_required_is_imported(extra: str, requirement: str) -> None:
    name = name_of(requirement)
    assert IMPORTED_AS.get(name, name) in imported(), f"nothing imports what {extra} installs"


def test_all_is_every_extra_of_a_user() -> None:
    (everything,) = EXTRAS["all"]
    found = re.fullmatch(r"downslope\[([\w,]+)\]", everything)
    assert found is not None
    assert set(found[1].split(",")) == EXTRAS.keys() - OURS - {"all"}
