"""What a run says about itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.manifest import (
    MANIFEST,
    Manifest,
    ManifestFile,
    Totals,
    decode_manifest,
    encode_manifest,
    read_manifest,
)

FULL = Manifest(
    "id", "shop", "npm start", 5, 9, "0.1", 1, ("web", "café"), Totals(1, 2, 3), {"socket": "/tmp/x"}
)


def test_it_comes_back() -> None:
    assert decode_manifest(encode_manifest(FULL)) == FULL
    assert decode_manifest(encode_manifest(Manifest())) == Manifest()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*json.loads(encode_manifest(FULL)), "other"]), JSON))
def test_fields_of_wrong_types_count_as_missing(fields: dict[str, object]) -> None:
    manifest = decode_manifest(json.dumps(fields).encode())

    assert isinstance(manifest.run, str)
    assert isinstance(manifest.started_ns, int)
    assert manifest.ended_ns is None or isinstance(manifest.ended_ns, int)
    assert all(isinstance(name, str) for name in manifest.sources)


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_what_is_no_manifest_reads_as_an_empty_one(data: bytes) -> None:
    assert decode_manifest(data) == Manifest()


def test_a_newer_one_is_read_as_far_as_it_is_known_and_its_fields_stay(tmp_path: Path) -> None:
    newer = {**json.loads(encode_manifest(FULL)), "format": 7, "shape": {"x": 1}}

    manifest = decode_manifest(json.dumps(newer).encode())

    assert (manifest.format, manifest.sources, manifest.extra["shape"]) == (7, FULL.sources, {"x": 1})
    assert json.loads(encode_manifest(manifest)) == newer


def test_changes_are_written_and_others_fields_kept(tmp_path: Path) -> None:
    file = ManifestFile(tmp_path, Manifest(run="r"))
    file.note(socket="/run/x")
    file.update(lambda manifest: replace(manifest, sources=("a",)), sync=True)

    assert read_manifest(tmp_path) == Manifest(run="r", sources=("a",), extra={"socket": "/run/x"})
    assert read_manifest(tmp_path / "none") == Manifest()


def test_a_refused_change_is_carried_by_the_next(tmp_path: Path) -> None:
    class Refusing(Disk):
        refuses = True

        def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
            if self.refuses:
                raise OSError("no")
            super().replace(path, data, sync=sync)

    disk = Refusing()
    file = ManifestFile(tmp_path, Manifest(run="r"), disk)
    with pytest.raises(OSError, match="no"):
        file.note(a=1)
    assert not (tmp_path / MANIFEST).exists()
    disk.refuses = False
    file.note(b=2)

    assert read_manifest(tmp_path).extra == {"a": 1, "b": 2}
