"""The site, without Sphinx: every public name has its page with an example, and the code on the pages runs."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

import downslope

DOCS = Path(__file__).parents[1] / "docs"
PUBLIC = [name for name in downslope.__all__ if not name.startswith("_")]
# What autosummary makes pages of: names that are indented and stand alone, with ~ where only the last part is shown.
PAGES = re.findall(r"^   ~?([\w.]+)$", (DOCS / "reference" / "index.rst").read_text(encoding="utf-8"), re.MULTILINE)
PAGES = [page for page in PAGES if page != "exceptions"]

BLOCK = re.compile(r"^```\{(code-cell|console)\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"^:(\w+):(.*)\n", re.MULTILINE)
WRITTEN = sorted(path for path in DOCS.rglob("*.md") if BLOCK.search(path.read_text(encoding="utf-8")))


def documented(page: str) -> Any:
    """What a page of the reference is about."""
    module, _, name = page.rpartition(".")
    return getattr(import_module(f"downslope.{module}".rstrip(".")), name)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_page(name: str) -> None:
    assert PAGES.count(name) == 1


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_an_example_that_runs(page: str) -> None:
    """Pytest runs it, see testpaths in pyproject.toml: here it only must be there."""
    doc = documented(page).__doc__
    assert re.search(r"^ *Examples\n *--------\n(?s:.*)^ *>>> ", doc, re.MULTILINE)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(DOCS).as_posix())
# Pages show what a warning says, and a machine may lack the font that a Korean picture wants.
@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
def test_code_on_a_page_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    namespace: dict[str, Any] = {}
    for kind, block in BLOCK.findall(path.read_text(encoding="utf-8")):
        options, code = dict(OPTION.findall(block)), OPTION.sub("", block)
        if kind == "code-cell":
            exec(compile(code, str(path), "exec"), namespace)
            plt.close("all")
        else:
            *before, last = code.splitlines()
            for command in before:
                subprocess.run(command, shell=True, check=True)
            assert subprocess.run(last, shell=True, check=False).returncode == int(options.get("exit", 0))


@pytest.mark.parametrize("korean", sorted((DOCS / "ko").glob("*.md")), ids=lambda path: path.stem)
def test_korean_and_english_pages_link_each_other(korean: Path) -> None:
    link = re.search(r"\[(?:Read in )?English\]\((.+?)\)", korean.read_text(encoding="utf-8"))
    assert link is not None
    english = (korean.parent / link[1]).resolve()
    back = re.search(r"\[한국어[^\]]*\]\((.+?)\)", english.read_text(encoding="utf-8"))
    assert back is not None
    assert (english.parent / back[1]).resolve() == korean
