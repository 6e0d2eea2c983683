"""What names in a module mean: the little that can be decided from its syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Finding", "Names", "last", "names_of", "statements", "words"]

OURS = "brummer_rx."
HERE = "here:"
"""Prefix of names that the module itself defines."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place that breaks a rule."""

    line: int
    what: str


@dataclass(slots=True)
class Names:
    """The imports and definitions of a module, so that an alias does not hide what is called."""

    tree: ast.Module
    nodes: list[ast.AST] = field(default_factory=list)
    """All of them, as `ast.walk` gives them."""
    by_kind: dict[type[ast.AST], list[Any]] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.nodes = list(ast.walk(self.tree))
        for node in self.nodes:
            self.by_kind.setdefault(type(node), []).append(node)
        for node in self.of(ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.name if alias.asname else alias.name.partition(".")[0]
                    self.imported[alias.asname or name] = name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
            else:
                self.defined.add(node.name)

    def dotted(self, node: ast.expr) -> str:
        """The dotted name of an expression, its first part resolved; `?` for what has no name."""
        if isinstance(node, ast.Name):
            known = self.imported.get(node.id)
            if known is not None:
                return known
            return HERE + node.id if node.id in self.defined else node.id
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        if isinstance(node, ast.Subscript):  # Subject[int]()
            return self.dotted(node.value)
        if isinstance(node, ast.Call):
            return self.dotted(node.func) + "()"
        return "?"

    def foreign(self, node: ast.expr) -> str:
        """As `dotted`, but empty for what we define ourselves (our `Timer` is not the standard library's)."""
        name = self.dotted(node)
        return "" if name.startswith((OURS, HERE)) else name

    def imports(self, package: str) -> bool:
        """Whether the module imports anything of `package`."""
        return any(name == package or name.startswith(f"{package}.") for name in self.imported.values())

    def of(self, *kinds: type[ast.AST]) -> Iterator[Any]:
        """Every node of these kinds."""
        return (node for kind in kinds for node in self.by_kind.get(kind, ()))

    def calls(self) -> Iterator[ast.Call]:
        """Every call."""
        return self.of(ast.Call)

    def uses(self) -> Iterator[tuple[ast.expr, str]]:
        """(node, name) of what is called, subclassed, handed to a call, or a parameter's default.

        Annotations do not count.
        """
        for node in self.of(ast.ClassDef, ast.Call, ast.arguments):
            if isinstance(node, ast.ClassDef):
                handed = node.bases
            elif isinstance(node, ast.arguments):
                handed = [default for default in (*node.defaults, *node.kw_defaults) if default is not None]
            else:
                handed = [node.func]
                if self.dotted(node.func) not in ("isinstance", "issubclass", "cast", "typing.cast"):
                    handed = [*handed, *node.args, *(keyword.value for keyword in node.keywords)]
            for used in handed:
                if isinstance(used, ast.Name | ast.Attribute | ast.Subscript):
                    yield used, self.dotted(used)


def names_of(tree: ast.Module) -> Names:
    """The names of a module, looked up once for all rules."""
    known: Names | None = getattr(tree, "names", None)
    if known is None:
        known = Names(tree)
        tree.names = known  # type: ignore[attr-defined]
    return known


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def last(name: str) -> str:
    """The last part of a dotted name."""
    return name.rpartition(".")[2].removeprefix(HERE).removesuffix("()")


def statements(names: Names) -> Iterator[list[ast.stmt]]:
    """Every block of statements."""
    for node in names.nodes:
        for block in ("body", "orelse", "finalbody"):
            found = getattr(node, block, None)
            if isinstance(found, list):
                yield found
