"""What a folder offers and what words choose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import ConfigError, UsageError
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import load
from brummer_rx.sources.detect import Choice, Discovered, choose, discover
from brummer_rx.sources.names import name_problem


def found(folder: Path, **environ: str) -> Discovered:
    return discover(folder, load(folder, {}, {"HOME": str(folder / "home"), **environ}))


def fill(folder: Path, *, brum: str = "", procfile: str = "", scripts: tuple[str, ...] = ()) -> Path:
    if brum:
        (folder / ".brum.toml").write_text(brum)
    if procfile:
        (folder / "Procfile").write_text(procfile)
    if scripts:
        (folder / "package.json").write_text(json.dumps({"scripts": dict.fromkeys(scripts, "x")}))
    return folder


def process(name: str, more: str = "") -> str:
    return f"[processes.{name}]\ncommand = 'run {name}'\n{more}\n"


def names(choice: Choice) -> list[str]:
    return [s.name for s in choice.specs]


def test_earlier_files_hide_names_of_later_ones(tmp_path: Path) -> None:
    made = found(
        fill(tmp_path, brum=process("a"), procfile="a: x\nb: x", scripts=("a", "b", "c")),
        BRUMMER_PREFERRED_PACKAGE_MANAGER="bun",
    )

    assert [(s.name, s.origin) for s in made.specs] == [
        ("a", ".brum.toml:1"),
        ("b", "Procfile:2"),
        ("c", "package.json"),
    ]
    assert made.specs[2].argv == ("bun", "run", "c")
    assert (made.manager, made.origin) == ("bun", (".brum.toml", "Procfile", "package.json"))
    assert made.names == ("a", "b", "c")
    assert made.get("b") is made.specs[1]
    assert made.get("zzz") is None


def test_an_empty_folder_offers_nothing(tmp_path: Path) -> None:
    made = found(tmp_path)

    assert (made.specs, made.manager, made.origin, made.problems) == ((), None, (), ())
    with pytest.raises(UsageError, match=r"nothing to run in .*give a command"):
        choose((), made)


def test_processes_of_parent_folders_are_not_offered(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    fill(tmp_path, brum=process("a"))

    assert found(inner).specs == ()


def test_problems_of_package_json_are_handed_on(tmp_path: Path) -> None:
    assert len(found(fill(tmp_path, scripts=("a b", "c"))).problems) == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    settings = load(tmp_path, {}, {"HOME": str(tmp_path)})

    with pytest.raises(UsageError, match=r"project folder .*none.* does not exist"):
        discover(tmp_path / "none", settings)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("package.json", "{", r"package\.json:1:2: "),
        ("Procfile", "x", r"Procfile:1: no colon"),
        (".brum.toml", "[processes.web]\nport = 1", r"\.brum\.toml:2: processes\.web: unknown key"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigError, match=said):
        found(tmp_path)


def test_without_words_the_autostart_processes_start(tmp_path: Path) -> None:
    fill(
        tmp_path,
        brum=process("a") + process("b", "autostart = false") + process("c"),
        procfile="p: x",
        scripts=("s",),
    )

    assert names(choose((), found(tmp_path))) == ["a", "c"]


def test_else_all_of_the_procfile(tmp_path: Path) -> None:
    fill(tmp_path, brum=process("a", "autostart = false"), procfile="p: x\nq: x\na: x", scripts=("s",))

    assert names(choose((), found(tmp_path))) == ["p", "q"]


def test_else_somebody_has_to_pick(tmp_path: Path) -> None:
    choice = choose((), found(fill(tmp_path, brum=process("b", "autostart = false"), scripts=("s", "a"))))

    assert choice.specs == ()
    assert [(s.name, s.autostart) for s in choice.pick] == [("b", False), ("s", False), ("a", False)]
    with pytest.raises(UsageError, match=r"say what to run; known names: a, b, s$") as caught:
        choice.must_start()
    assert caught.value.exit_code == 2


def test_names_are_chosen_and_start(tmp_path: Path) -> None:
    made = found(fill(tmp_path, brum=process("a", "autostart = false"), procfile="p: x", scripts=("s",)))

    choice = choose(["s", "a", "s"], made)

    assert [(s.name, s.autostart) for s in choice.specs] == [("s", True), ("a", True)]
    assert choice.must_start() == choice.specs
    assert choice.pick == ()
    assert choose(["p"], made, names_only=True).specs == made.procfile


def test_other_words_are_shell_commands(tmp_path: Path) -> None:
    made = found(fill(tmp_path, procfile="web: x"))

    choice = choose(["echo 1", "web", "echo 1", "/bin/echo\n2", "web --fast"], made)

    assert names(choice) == ["echo", "web", "echo-2", "echo-3", "web-2"]
    assert choice.specs[3].argv == ("/bin/sh", "-c", "/bin/echo\n2")
    assert (choice.specs[3].command, choice.specs[3].cwd) == ("/bin/echo 2", str(tmp_path))
    assert choice.specs[0].origin == "command line"


def test_a_command_does_not_take_a_known_name_even_when_it_is_not_chosen(tmp_path: Path) -> None:
    assert names(choose(["web -x"], found(fill(tmp_path, procfile="web: x")))) == ["web-2"]


def test_names_only_knows_no_commands(tmp_path: Path) -> None:
    made = found(fill(tmp_path, procfile="web: x\ndb: y"))

    with pytest.raises(UsageError, match=r'^unknown name "wbe"; did you mean "web"\?; known names: db, web$'):
        choose(["wbe"], made, names_only=True)
    with pytest.raises(UsageError, match=r"known names: none$"):
        choose(["x"], Discovered("/x"), names_only=True)


@pytest.mark.parametrize("word", ["", "  ", "a\0b"])
def test_what_is_neither_name_nor_command(word: str) -> None:
    with pytest.raises(UsageError, match="neither a name nor a command"):
        choose([word], Discovered("/x"))


@given(
    st.lists(st.text(min_size=1).filter(lambda w: w.strip() and "\0" not in w), min_size=1, max_size=6),
    st.sets(st.sampled_from(["a", "b", "a-2"])),
)
def test_every_word_gets_a_name_of_its_own(words: list[str], known: set[str]) -> None:
    made = Discovered("/x", procfile=tuple(ProcessSpec(n, ("true",), "true", "/x") for n in sorted(known)))

    choice = choose(words, made)

    distinct = [w for i, w in enumerate(words) if w not in known or w not in words[:i]]
    assert len(choice.specs) == len({s.name for s in choice.specs}) == len(distinct)
    assert all(name_problem(s.name) is None for s in choice.specs)
    assert [s.argv[-1] for s in choice.specs] == ["true" if w in known else w for w in distinct]
