"""Entries of the cache: their names and their making."""

from pathlib import Path

import pytest

from tools.toolchain import cache


def test_key_depends_on_content_and_on_the_borders_between_parts() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")
    assert cache.key("ab", "c") == cache.key(b"ab", b"c")
    assert len(cache.key("")) == 16


def test_key_of_files_depends_on_names_and_contents_but_not_on_the_place_or_order(tmp_path: Path) -> None:
    def tree(name: str, **contents: str) -> str:
        root = tmp_path / name
        root.mkdir()
        files = [root / file for file in contents]
        for file in files:
            file.write_text(contents[file.name])
        return cache.key_of_files(root, reversed(files))

    assert tree("first", a="1", b="2") == tree("second", a="1", b="2")
    assert tree("other-content", a="1", b="3") != tree("other-name", a="1", c="3")
    assert tree("swapped", a="2", b="1") != tree("again", a="1", b="2")


def test_fill_makes_an_entry_once(tmp_path: Path) -> None:
    calls: list[Path] = []
    for _ in range(2):
        cache.fill(tmp_path / "entry", calls.append)
    assert calls == [tmp_path / "entry"]


def test_fill_throws_away_what_an_interrupted_one_left(tmp_path: Path) -> None:
    entry = tmp_path / "entry"

    def interrupted(place: Path) -> None:
        (place / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.fill(entry, interrupted)
    assert not cache.is_complete(entry)
    cache.fill(entry, lambda place: (place / "whole").touch())
    assert cache.is_complete(entry)
    assert not (entry / "half").exists()
