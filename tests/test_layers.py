"""The layers of pyproject.toml, [tool.importlinter], hold; ``make check`` runs the same contracts."""

from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent


def test_the_import_contracts_hold() -> None:
    # What is broken, and where, is in the output that pytest shows beside the failure.
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == EXIT_STATUS_SUCCESS
