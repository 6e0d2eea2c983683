"""The catalogues of the folders: what they name is there, once, and costs nothing until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

FOLDERS = ("pipeline", "operators", "sources", "sinks", "sinks.store", "tui")
PACKAGES = ("brummer_rx", *(f"brummer_rx.{folder}" for folder in FOLDERS))


def where(package: ModuleType) -> dict[str, str]:
    """name -> defining module, as the catalogue says at run time."""
    return {name: module for module, names in package._WHERE.items() for name in names}


def checked(package: ModuleType) -> dict[str, str]:
    """The same as a type checker reads it: the imports under `if TYPE_CHECKING`."""
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    return {
        alias.name: str(node.module).removeprefix(f"{package.__name__}.")
        for branch in tree.body
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_resolves_to_what_its_module_offers(name: str) -> None:
    package = import_module(name)

    for public, module in where(package).items():
        defining = import_module(f"{name}.{module}")
        assert public in defining.__all__
        assert getattr(package, public) is getattr(defining, public)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_three_lists_of_a_catalogue_agree(name: str) -> None:
    package = import_module(name)

    assert list(package.__all__) == sorted(package.__all__)
    assert set(package.__all__) - {"__version__"} == set(where(package))
    assert checked(package) == where(package)


@pytest.mark.parametrize("name", PACKAGES)
def test_no_name_is_hidden_by_a_module_of_that_name(name: str) -> None:
    """An attribute that is a name and a module would be whichever was imported last."""
    package = import_module(name)
    modules = {p.stem for p in Path(str(package.__file__)).parent.glob("*.py")}

    assert modules & set(package.__all__) == set()


def test_no_name_is_offered_by_two_folders() -> None:
    homes: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for public in import_module(f"brummer_rx.{folder}").__all__:
            homes.setdefault(public, []).append(folder)

    assert {name: folders for name, folders in homes.items() if len(folders) > 1} == {}


@pytest.mark.parametrize("name", PACKAGES)
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = import_module(name).no_such_name


def test_importing_the_catalogues_imports_nothing_else() -> None:
    script = f"import sys; sys.path[:0] = {sys.path!r}\nfor name in {PACKAGES!r}: __import__(name)\n"
    script += "print(sorted(name for name in sys.modules if 'brummer' in name or name == 'reactivex'))"
    command = [sys.executable, "-S", "-c", script]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    assert shown.strip() == str(sorted(PACKAGES))
