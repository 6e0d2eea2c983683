"""Errors name the fault; the tree in the docstring is the tree in the code."""

from __future__ import annotations

import pytest

from brummer_rx.pipeline import errors


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_stands_in_the_tree_and_descends_from_the_root(name: str) -> None:
    assert errors.__doc__ is not None
    assert name in errors.__doc__
    assert issubclass(getattr(errors, name), errors.BrummerError)


def test_exit_codes_are_those_of_the_command_line() -> None:
    assert (errors.BrummerError.exit_code, errors.ConfigError.exit_code, errors.NotFoundError.exit_code) == (
        1,
        2,
        3,
    )
