from __future__ import annotations

import json
from json import decoder

import pytest

from brummer_rx.pipeline.catalogue import find

WHERE = {"decoder": ("JSONDecoder",), "encoder": ("JSONEncoder",)}


def test_a_name_is_imported_from_where_it_is_and_kept() -> None:
    package: dict[str, object] = {"__name__": json.__name__}

    assert find("JSONDecoder", WHERE, package) is decoder.JSONDecoder
    assert package["JSONDecoder"] is decoder.JSONDecoder
    assert "JSONEncoder" not in package


def test_a_name_that_no_module_defines_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'nothing'"):
        find("nothing", WHERE, {"__name__": "json"})


def test_a_name_that_its_module_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="JSONReader"):
        find("JSONReader", {"decoder": ("JSONReader",)}, {"__name__": "json"})
