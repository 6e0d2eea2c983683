"""Names that a package offers without importing anything until one is used.

A program that needs one name of a folder starts at once; the folder's `__init__.py` says where each name is.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from importlib import import_module

__all__ = ["find"]


def find(name: str, where: Mapping[str, tuple[str, ...]], package: MutableMapping[str, object]) -> object:
    """The object `name` of a package, for its `__getattr__`; `package` (its globals) keeps it.

    :param where: the package's modules, each with the names that it defines
    :raises AttributeError: none of them defines it
    """
    module = next((module for module, names in where.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{package['__name__']}.{module}"), name)
    package[name] = found
    return found
