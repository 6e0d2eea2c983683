"""The tables of options are consistent with each other."""

from __future__ import annotations

from collections import defaultdict

from brummer_rx.cli.options import RESERVED, START, VERBS, all_options

ALL = (START, *VERBS.values())


def test_a_spelling_takes_a_value_everywhere_or_nowhere() -> None:
    kinds = defaultdict(set)
    for verb in ALL:
        for option in verb.options:
            for name in option.names:
                kinds[name].add((bool(option.value), option.key))

    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}
    assert set(kinds) == set(all_options())


def test_no_verb_has_a_spelling_twice() -> None:
    for verb in ALL:
        names = [name for option in verb.options for name in option.names]
        assert len(names) == len(set(names)), verb.name


def test_every_verb_has_help_and_says_where() -> None:
    for verb in ALL:
        names = {name for option in verb.options for name in option.names}
        assert {"-h", "--help", "-d", "--dir", "--state-dir"} <= names


def test_names_of_the_design_are_there() -> None:
    assert set(VERBS) == {"logs", "status", "runs", "start", "stop", "restart", "wait"}
    assert set(RESERVED) == {"errors", "urls", "requests", "operators", "import", "mcp-config"}
    start = {"-d", "-p", "--plain", "--no-tui", "--no-mcp", "--no-proxy", "--mcp", "--settings", "--version"}
    logs = {"-s", "--level", "--grep", "--after-seq", "--tail", "--limit", "--run", "-f", "--raw", "--json"}
    assert start <= {n for o in START.options for n in o.names}
    assert logs <= {n for o in VERBS["logs"].options for n in o.names}
    for name in VERBS:
        assert "--json" in {n for o in VERBS[name].options for n in o.names}
