"""Extensions by entry point, from real package metadata in a folder on the path."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from brummer_rx.pipeline import registry
from brummer_rx.pipeline.errors import BrummerError, ConfigError, OperatorError, SinkError, SourceError
from brummer_rx.pipeline.registry import Extension, ExtensionKind, extensions, operators, sinks, sources


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, dist: str, entry_points: str, name_line: bool = True) -> None:
    folder = site / f"{dist.replace('-', '_')}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\n" + (f"Name: {dist}\nVersion: 1.0\n" if name_line else "")
    )
    (folder / "entry_points.txt").write_text(entry_points)


def test_built_in_operators_enter_by_the_same_door() -> None:
    ours = operators(only_ours=True)

    assert {"levels", "strip_ansi"} <= set(ours)
    assert ours["levels"] == Extension(
        "levels", ExtensionKind.OPERATOR, "brummer_rx.operators.levels:levels", "brummer-rx"
    )
    assert ours["levels"].ours


def test_foreign_extensions_are_found_and_loaded(site: Path) -> None:
    (site / "foreign_ext.py").write_text("def drop(**options):\n    return options\n\nclass Bus: pass\n")
    install(
        site,
        "foreign-ext",
        "[brummer_rx.operators]\ndrop = foreign_ext:drop\n[brummer_rx.sinks]\nbus = foreign_ext:Bus\n"
        "[brummer_rx.sources]\nbus = foreign_ext:Bus\n",
    )

    assert operators()["drop"].load()(a=1) == {"a": 1}
    assert operators()["drop"].dist == "foreign-ext"
    assert sinks()["bus"].load().__name__ == "Bus"
    assert sources()["bus"].kind is ExtensionKind.SOURCE
    assert "drop" not in operators(only_ours=True)
    assert list(operators()) == sorted(operators())


def test_nothing_is_imported_before_it_is_loaded(site: Path) -> None:
    (site / "foreign_boom.py").write_text("raise SystemExit(7)")
    install(site, "foreign-boom", "[brummer_rx.operators]\nboom = foreign_boom:x\n")

    extension = operators()["boom"]

    assert "foreign_boom" not in sys.modules
    with pytest.raises(
        OperatorError,
        match=r'operator "boom" \(foreign_boom:x, from foreign-boom\) cannot be loaded: SystemExit: 7',
    ):
        extension.load()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (ExtensionKind.OPERATOR, OperatorError),
        (ExtensionKind.SOURCE, SourceError),
        (ExtensionKind.SINK, SinkError),
    ],
)
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_module_at_all:x", "ModuleNotFoundError: No module named"),
        ("json:no_such_thing", "AttributeError: .*no_such_thing"),
        ("json:__doc__", "it is of type str, which cannot be called"),
        ("not a value!", "cannot be loaded"),
    ],
)
def test_a_failed_import_names_extension_and_package(
    kind: ExtensionKind, error: type[BrummerError], value: str, said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        Extension("x", kind, value, "their-dist").load()
    assert f'{kind} "x"' in str(caught.value)
    assert "their-dist" in str(caught.value)


def test_an_interrupt_is_not_an_extensions_fault(site: Path) -> None:
    (site / "foreign_interrupt.py").write_text("raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        Extension("x", ExtensionKind.SINK, "foreign_interrupt:x", "d").load()


def test_one_name_of_two_packages_is_an_error_naming_both(site: Path) -> None:
    install(site, "first-ext", "[brummer_rx.operators]\nsame = a:b\n")
    install(site, "second-ext", "[brummer_rx.operators]\nsame = c:d\n")

    with pytest.raises(
        ConfigError, match=r'an operator named "same": first-ext \(a:b\) and second-ext \(c:d\)'
    ):
        operators()
    assert "same" not in operators(only_ours=True)


def test_nobody_takes_the_name_of_a_built_in_one(site: Path) -> None:
    install(site, "bad-ext", "[brummer_rx.operators]\nlevels = a:b\n")

    with pytest.raises(ConfigError, match=r"bad-ext .*brummer-rx"):
        operators()


def test_one_name_may_be_of_several_kinds_and_one_package_may_be_seen_twice(
    site: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site, "twice-ext", "[brummer_rx.sinks]\nx = a:b\nx = a:b\n[brummer_rx.sources]\nx = a:c\n")
    other = tmp_path_factory.mktemp("other")
    install(other, "twice-ext", "[brummer_rx.sinks]\nx = a:b\n[brummer_rx.sources]\nx = a:c\n")
    monkeypatch.syspath_prepend(str(other))

    assert sinks()["x"].value == "a:b"
    assert sources()["x"].value == "a:c"


def test_two_sinks_of_one_name_read_well(site: Path) -> None:
    install(site, "one-ext", "[brummer_rx.sinks]\nx = a:b\nx = a:c\n")

    with pytest.raises(ConfigError, match='two packages bring a sink named "x"'):
        sinks()


def test_a_package_without_a_name_is_no_crash(site: Path) -> None:
    install(site, "nameless", "[brummer_rx.sinks]\nx = a:b\n", name_line=False)

    assert sinks()["x"].dist == "an unnamed package"


def test_the_answer_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        extensions(ExtensionKind.OPERATOR)["x"] = None  # type: ignore[index]


def test_importing_the_registry_reads_no_metadata() -> None:
    code = (
        "import sys; import brummer_rx.pipeline.registry, brummer_rx.pipeline.settings;"
        "bad = {'importlib.metadata', 'reactivex', 'loguru', 'difflib'} & set(sys.modules);"
        "print(sorted(bad)); sys.exit(bool(bad))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
