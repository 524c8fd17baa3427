"""Pages: whole or not at all, the same bytes every time, nothing from outside, and what is hostile shows as text."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.axes import Axes

from interceptor.tuning.page import BLUE, Figure, Table, Words, write_page
from interceptor.tuning.tables import Column, UsageProblem

HOSTILE = '<script>alert(1)</script>" onload=x $a^b$ \x1b[2J\u202e &amp; 冒充公检法 #010203'
VOID = {"meta", "br", "use", "path", "rect", "image", "line"}


def draw(axes: Axes) -> None:
    axes.plot([1, 2, 3], [3, 1, 2], label=HOSTILE.replace("\x1b", ""), color=BLUE)
    axes.barh(["冒充公检法", "<b>bold</b>"], [1, 2])
    axes.set_xlabel("$10 a day")
    axes.legend()


BLOCKS = (
    Words(f"{HOSTILE}\nand a second line"),
    Table(HOSTILE, [Column(HOSTILE), Column("n", right=True), Column("w", wraps=True)], [[HOSTILE, "1", "x"]], HOSTILE),
    Figure("A picture", draw, note=HOSTILE),
)


class Reader(HTMLParser):
    """What a browser would see: tags with attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page(path, HOSTILE, BLOCKS)
    return path.read_text(encoding="utf-8")


def test_tags_fit_and_nothing_runs(page: str) -> None:
    seen = Reader(page)
    assert seen.open == []
    assert "script" not in {tag for tag, _ in seen.tags}
    names = {name for _, attributes in seen.tags for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_hostile_words_show_as_text(page: str) -> None:
    words = "\n".join(Reader(page).words)
    assert words.count("<script>alert(1)</script>") >= 7, "title, heading, words, table, picture, notes"
    assert "冒充公检法" in words
    assert "<b>bold</b>" in words
    assert "$10 a day" in words


def test_nothing_is_asked_of_the_network(page: str) -> None:
    links = [
        value
        for _, attributes in Reader(page).tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "action", "data") and value
    ]
    assert all(value.startswith("#") for value in links)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_pictures_have_ids_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "two.html"
    write_page(path, "t", [Figure("one", draw), Figure("two", draw)])
    clips = re.findall(r'<clipPath id="([^"]+)"', path.read_text(encoding="utf-8"))
    assert len(clips) == len(set(clips)) > 0


def test_the_same_blocks_give_the_same_bytes(page: str, tmp_path: Path) -> None:
    path = tmp_path / "again.html"
    write_page(path, HOSTILE, BLOCKS)
    assert path.read_text(encoding="utf-8") == page


def test_light_and_dark_are_the_readers_choice(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert "currentColor" in page
    figure = page[page.index("<svg") : page.index("</svg>")]
    assert "#ffffff" not in figure
    assert "fill: #000000" not in figure


def test_a_page_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")

    def broken(_: Axes) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_page(path, "t", [Figure("f", broken)])
    assert path.read_text() == "old"
    write_page(path, "t", [Words("new")])
    assert "new" in path.read_text()
    assert os.listdir(tmp_path) == ["page.html"]


@pytest.mark.parametrize("name", ["", "no/such/page.html", "file/page.html", "x" * 400])
def test_a_place_that_cant_be_written_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageProblem) as problem:
        write_page(tmp_path / name, "t", [Words("w")])
    assert "--html" in str(problem.value)
    assert os.listdir(tmp_path) == ["file"]
