"""Settings: layers, origins, and what is said of wrong ones."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import ConfigError, UsageError
from brummer_rx.pipeline.setting_keys import KEYS
from brummer_rx.pipeline.settings import Settings, check_extensions, default_state_dir, load, project_folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home" / "me"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "work" / "group" / "app"
    made.mkdir(parents=True)
    return made


def say(folder: Path, text: str) -> Path:
    path = folder / ".brum.toml"
    path.write_text(text)
    return path


def loaded(project: Path, home: Path, flags: dict[str, Any] | None = None, **environ: str) -> Settings:
    return load(project, flags or {}, {"HOME": str(home), **environ})


def test_without_anything_the_defaults_are_in_force(project: Path, home: Path) -> None:
    made = loaded(project, home)

    assert (made.grace, made.mcp_port, made.store_max_bytes, made.store_max_days) == (
        10.0,
        7777,
        4 << 30,
        14.0,
    )
    assert (made.color, made.fps, made.mouse, made.sync_output) == ("auto", 30, True, True)
    assert (made.preferred_package_manager, made.pipe_buffer, made.ai_coders) == (None, None, {})
    assert made.workers >= 4
    assert made.folder == project
    assert {row.origin for row in made.values()} == {"default"}
    assert made.warnings == ()
    assert made.files == ()
    assert made.project_file is None


def test_each_layer_covers_the_ones_below(project: Path, home: Path) -> None:
    layers = [
        (say(home, "\ngrace = 1"), ":2"),
        (say(project.parents[1], "grace = 2"), ":1"),
        (say(project.parent, "# x\n\ngrace = 3"), ":3"),
        (say(project, "grace = 4"), ":1"),
    ]
    for number in range(4, 0, -1):
        path, line = layers[number - 1]
        made = loaded(project, home).get("grace")
        assert (made.value, made.origin) == (number, f"{path}{line}")
        if number == 4:
            covered = loaded(project, home, BRUMMER_GRACE="5").get("grace")
            assert (covered.value, covered.origin) == (5, "BRUMMER_GRACE")
            said = loaded(project, home, {"grace": 6}, BRUMMER_GRACE="5").get("grace")
            assert (said.value, said.origin) == (6, "command line --grace")
        path.unlink()
    assert loaded(project, home).get("grace").origin == "default"


def test_layers_are_merged_key_by_key(project: Path, home: Path) -> None:
    say(home, "fps = 10\nmouse = false")
    say(project, "fps = 20")

    made = loaded(project, home, {"mcp_port": None, "no_mcp": True})

    assert (made.fps, made.mouse, made.no_mcp, made.mcp_port) == (20, False, True, 7777)
    assert made.get("no_mcp").origin == "command line --no-mcp"
    assert made.files == (project / ".brum.toml", home / ".brum.toml")
    assert made.project_file is not None
    assert made.project_file.path == project / ".brum.toml"


def test_a_home_around_the_project_is_read_once(home: Path) -> None:
    project = home / "app"
    project.mkdir()
    say(home, "fps = 10")

    assert loaded(project, home).files == (home / ".brum.toml",)
    assert loaded(home, home).files == (home / ".brum.toml",)


def test_the_command_line_names_its_options(project: Path, home: Path) -> None:
    assert loaded(project, home, {"mcp_port": 0}).get("mcp_port").origin == "command line --port"
    with pytest.raises(
        ConfigError, match=r'command line --port: mcp_port is "http"; it must be a whole number'
    ):
        loaded(project, home, {"mcp_port": "http"})
    with pytest.raises(ValueError, match="not a setting: prot"):
        loaded(project, home, {"prot": 1})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nmcp_prot = 1", r':2: unknown key "mcp_prot"; did you mean "mcp_port"\?$'),
        ("qqqqqqqqq = 1", r':1: unknown key "qqqqqqqqq"$'),
        ("[proceses.web]\ncommand = 'x'", r':1: unknown key "proceses"; did you mean "processes"\?'),
        ("fps = 0", r":1: fps is 0; it must be a whole number from 1 to 120"),
        ("fps = '30'", r':1: fps is "30"; it must be'),
        ("fps = true", r":1: fps is true; it must be"),
        ("a.b = 1", r':1: unknown key "a"'),
        ("mouse = 1", r":1: mouse is 1; it must be true or false"),
        ("color = 'red'", r':1: color is "red"; it must be one of "auto", "always", "never"'),
        ("store_max_bytes = '4 elephants'", r':1: store_max_bytes is "4 elephants"; it must be a size'),
        ("store_max_bytes = 4", r":1: store_max_bytes is 4; it must be a size from 1MiB"),
        ("store_max_days = 0", r":1: store_max_days is 0; it must be a number of days"),
        ("state_dir = ''", r':1: state_dir is ""; it must be a path'),
        ("proxy_mode = 'forward'", r'proxy_mode is "forward"; it must be one of "reverse", "full"'),
        ("preferred_package_manager = 'deno'", r'one of "npm", "pnpm", "yarn", "bun"'),
        ("[ai_coders]\nmax_concurrent = 'x'", r':1: ai_coders is .*"max_concurrent" is a whole number'),
        ("processes = 1", r":1: processes must hold tables, as in \[processes.NAME\]"),
        ("\n[processes]\nweb = 'x'", r":2: processes must hold tables"),
        ("[operators.redact]\nenabled = 1", r":2: operators.redact.enabled is 1; it must be true or false"),
        (
            "[operators.redact]\norder = true",
            r":2: operators.redact.order is true; it must be a whole number",
        ),
        (
            "[operators.redact]\nplace = []",
            r':2: operators.redact.place is \[\]; it must be "transform" or "derive"',
        ),
        ("fps = ", r":1: Invalid value"),
    ],
)
@pytest.mark.parametrize("where", ["project", "parent", "home"])
def test_a_wrong_file_is_named_with_its_line(
    project: Path, home: Path, text: str, said: str, where: str
) -> None:
    path = say({"project": project, "parent": project.parent, "home": home}[where], text)

    with pytest.raises(ConfigError, match=said) as caught:
        loaded(project, home)
    assert str(caught.value).startswith(str(path))


def test_the_old_keys_are_taken(project: Path, home: Path) -> None:
    say(
        project,
        """
preferred_package_manager = "pnpm"
mcp_port = 7778
no_mcp = true
proxy_port = 19889
proxy_mode = "full"
proxy_url = "http://localhost:3000"
standard_proxy = true
no_proxy = true
use_robust_networking = true
[ai_coders]
max_concurrent = 3
[ai_coders.providers.claude]
model = "x"
""",
    )
    rows = {row.key: row for row in loaded(project, home).values()}

    assert rows["preferred_package_manager"][1:] == ("pnpm", f"{project}/.brum.toml:2", "")
    assert rows["ai_coders"].value["providers"] == {"claude": {"model": "x"}}
    assert [r.key for r in rows.values() if r.note == "accepted, not yet in effect"] == [
        "mcp_port", "no_mcp", "proxy_port", "proxy_mode", "proxy_url", "standard_proxy", "no_proxy",
        "use_robust_networking", "ai_coders",
    ]  # fmt: skip


def test_the_environment_is_read_as_text(project: Path, home: Path) -> None:
    made = loaded(
        project,
        home,
        BRUMMER_NO_MCP="1",
        BRUMMER_STORE_MAX_BYTES="2GiB",
        BRUMMER_GRACE="0.5",
        BRUMMER_COLOR="always",
        BRUMMER_WORKERS="4",
    )

    assert (made.no_mcp, made.store_max_bytes, made.grace, made.color, made.workers) == (
        True,
        2 << 30,
        0.5,
        "always",
        4,
    )
    with pytest.raises(
        ConfigError, match=r'^BRUMMER_FPS: fps is "many"; it must be a whole number from 1 to 120$'
    ):
        loaded(project, home, BRUMMER_FPS="many")


def test_an_empty_variable_counts_as_unset(project: Path, home: Path) -> None:
    assert loaded(project, home, BRUMMER_FPS="", BRUMMER_STATE_DIR="").get("fps").origin == "default"


def test_a_keys_own_spelling_wins(project: Path, home: Path) -> None:
    assert loaded(project, home, BRUMMER_PORT="1").get("mcp_port").origin == "BRUMMER_PORT"
    assert loaded(project, home, BRUMMER_PORT="1", BRUMMER_MCP_PORT="2").mcp_port == 2
    assert loaded(project, home, BRUMMER_PACKAGE_MANAGER="bun").preferred_package_manager == "bun"


def test_unknown_variables_give_one_warning(project: Path, home: Path) -> None:
    made = loaded(
        project, home, BRUMMER_FSP="1", BRUMMER_ZZZ="1", BRUMMER_RUN="x", BRUMMER_AI_CODERS="{}", OTHER="1"
    )

    assert len(made.warnings) == 1
    assert "BRUMMER_FSP (did you mean BRUMMER_FPS?), BRUMMER_ZZZ" in made.warnings[0]
    assert "BRUMMER_AI_CODERS" in made.warnings[0]
    assert "BRUMMER_RUN" not in made.warnings[0]
    assert (
        loaded(project, home, BRUMMER_ZZZ="1").warnings[0]
        == "unknown environment variable ignored: BRUMMER_ZZZ"
    )
    assert loaded(project, home, BRUMMER_RUN="x").warnings == ()


def test_no_color_is_honoured(project: Path, home: Path) -> None:
    made = loaded(project, home, NO_COLOR="1")

    assert (made.color, made.get("color").origin) == ("never", "NO_COLOR")
    assert loaded(project, home, NO_COLOR="").color == "auto"
    assert loaded(project, home, NO_COLOR="1", BRUMMER_COLOR="always").color == "always"


def test_state_folders_are_per_project(project: Path, home: Path, tmp_path: Path) -> None:
    plain = loaded(project, home)
    assert plain.state_dir.parent == home / ".local/state/brummer-rx"
    assert plain.state_dir.name.startswith("app-")
    assert len(plain.state_dir.name) == len("app-") + 8
    assert plain.get("state_dir").origin == "default"

    xdg = loaded(project, home, XDG_STATE_HOME=str(tmp_path / "state"))
    assert xdg.state_dir == tmp_path / "state" / "brummer-rx" / plain.state_dir.name
    assert xdg.get("state_dir").origin == "XDG_STATE_HOME"
    assert loaded(project, home, XDG_STATE_HOME="relative").state_dir == plain.state_dir

    twin = tmp_path / "other" / "app"
    twin.mkdir(parents=True)
    assert loaded(twin, home).state_dir != plain.state_dir


def test_a_project_reached_by_a_link_is_the_same(project: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)

    assert loaded(tmp_path / "link", home).state_dir == loaded(project, home).state_dir


def test_state_dir_starts_where_it_is_said(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    say(project.parent, "state_dir = 'runs'")

    assert loaded(project, home).state_dir == project.parent / "runs"
    assert loaded(project, home, BRUMMER_STATE_DIR="runs").state_dir == home / "runs"
    assert loaded(project, home, {"state_dir": "/x"}, BRUMMER_STATE_DIR="runs").state_dir == Path("/x")


def test_strange_folder_names_make_plain_state_folders(tmp_path: Path, home: Path) -> None:
    strange = tmp_path / os.fsdecode(b"a b\n\xff/".rstrip(b"/"))
    strange.mkdir()

    assert default_state_dir(strange, {"HOME": str(home)}).name.startswith("a_b__-")
    assert default_state_dir(Path("/"), {"HOME": str(home)}).name.startswith("root-")
    assert len(default_state_dir(Path("/" + "x" * 200), {"HOME": str(home)}).name) < 64


def test_without_home_the_users_entry_counts(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Entry:
        pw_dir = str(tmp_path / "entry")

    monkeypatch.setattr(pwd, "getpwuid", lambda uid: Entry)
    assert load(project, {}, {}).state_dir.is_relative_to(tmp_path / "entry")

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(UsageError, match="set HOME"):
        load(project, {}, {})
    assert load(project, {"state_dir": "/x"}, {}).state_dir == Path("/x")


def test_a_folder_that_may_not_be_entered_is_a_warning(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(home, "fps = 10")
    monkeypatch.setattr(os, "access", lambda path, mode: path != home or mode == os.F_OK)

    made = loaded(project, home)

    assert made.fps == 30
    assert made.warnings == (f"{home}: no permission to look for .brum.toml there",)
    assert loaded(project, home / "none").warnings == ()


@pytest.mark.parametrize(
    ("name", "said"), [("none", "does not exist"), ("file", "is not a folder"), ("a\0b", "cannot be used")]
)
def test_a_missing_folder_is_named(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=said) as caught:
        load(f"{tmp_path}/{name}", {}, {})
    assert caught.value.exit_code == 2
    assert str(tmp_path) in str(caught.value)


def test_a_loop_of_links_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(UsageError, match="loop"):
        project_folder(tmp_path / "loop")


def test_operators_are_merged_key_by_key(project: Path, home: Path) -> None:
    say(home, "[operators.redact]\nenabled = true\nwords = ['a']\norder = 1")
    path = say(project, "[operators.redact]\nenabled = false\nplace = 'transform'\n[operators.errors]\n")

    made = loaded(project, home)
    redact = made.operators["redact"]

    assert list(made.operators) == ["errors", "redact"]
    assert (redact.enabled, redact.place, redact.order, redact.options) == (
        False,
        "transform",
        1,
        {"words": ["a"]},
    )
    assert redact.origins == {
        "enabled": f"{path}:2",
        "place": f"{path}:3",
        "words": f"{home}/.brum.toml:3",
        "order": f"{home}/.brum.toml:4",
    }
    assert redact.origin == f"{path}:1"
    assert ("operators.redact.words", ["a"], f"{home}/.brum.toml:3", "") in made.values()
    assert made.operators["errors"].enabled is None


def test_sinks_are_configured_like_operators_but_have_no_place(project: Path, home: Path) -> None:
    path = say(project, "[sinks.jsonl]\nenabled = true\npath = 'a.jsonl'\n")
    made = loaded(project, home)

    assert made.sinks["jsonl"].options == {"path": "a.jsonl"}
    assert ("sinks.jsonl.path", "a.jsonl", f"{path}:3", "") in made.values()
    with pytest.raises(ConfigError, match=r":1: unknown sink \"jsonl\""):
        check_extensions(made.sinks, ["console"], "sink")
    say(project, "[sinks.jsonl]\norder = 1\n")
    with pytest.raises(ConfigError, match=r":2: sinks.jsonl.order: sinks have no order"):
        loaded(project, home)


def test_operators_that_nobody_knows_are_an_error(project: Path, home: Path) -> None:
    path = say(project, "fps = 30\n[operators.redcat]\n")

    with pytest.raises(
        ConfigError, match=r':2: unknown operator "redcat"; did you mean "redact"\?'
    ) as caught:
        check_extensions(loaded(project, home).operators, ["levels", "redact"], "operator")
    assert str(caught.value).startswith(str(path))
    with pytest.raises(ConfigError, match=r'"redcat"$'):
        check_extensions(loaded(project, home).operators, [], "operator")
    check_extensions(loaded(project, home).operators, ["redcat"], "operator")


def test_processes_of_other_folders_are_not_the_projects(project: Path, home: Path) -> None:
    say(project.parent, "[processes.web]\ncommand = 'x'")

    assert loaded(project, home).project_file is None


def test_the_list_holds_every_key_once(project: Path, home: Path) -> None:
    assert [row.key for row in loaded(project, home).values()] == list(KEYS)
    with pytest.raises(KeyError):
        loaded(project, home).get("folder")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(KEYS)) | st.text(min_size=1, max_size=8),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8).filter(lambda t: "\0" not in t),
        max_size=4,
    )
)
def test_no_value_makes_a_traceback(project: Path, home: Path, said: dict[str, Any]) -> None:
    flags = {k: v for k, v in said.items() if k in KEYS}
    environ = {f"BRUMMER_{k.upper()}": str(v) for k, v in said.items()}
    for given_flags, given_environ in ((flags, {}), ({}, environ)):
        try:
            made = load(project, given_flags, {"HOME": str(home), **given_environ})
        except ConfigError as error:
            assert str(error).isprintable()
        else:
            assert made.grace >= 0
