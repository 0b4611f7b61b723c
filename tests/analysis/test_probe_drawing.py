"""The picture of a probe: every visited place is in it, numbered, coloured and explained."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from adhash.analysis.probe_drawing import draw_probe
from adhash.analysis.probe_style import LEGEND, style_sheet
from adhash.analysis.probe_visualize import ProbeVisualizeResult, probe_visualize
from adhash.maps import colliding_keys, engines

SVG = "{http://www.w3.org/2000/svg}"
FIXED = [engine for engine in engines() if engine != "adaptive"]


def crowded(engine: str, entries: int, operation: str = "put") -> ProbeVisualizeResult:
    """Return the probe of a key in a map of keys that collide with it."""
    keys = np.asarray(colliding_keys(engine, "int64", 0, entries + 1)).tolist()
    seed = [f"{key}=1" for key in keys[:entries]]
    return probe_visualize(keys[entries], mode=engine, seed=seed, operation=operation)


class Picture:
    """An SVG, taken apart."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)  # noqa: S314 - our own picture

    def texts(self, kind: str = "") -> list[str]:
        return [
            text.text or ""
            for text in self.root.iter(f"{SVG}text")
            if kind in (text.get("class") or "").split() or not kind
        ]

    def boxes(self, kind: str) -> list[ElementTree.Element]:
        return [box for box in self.root.iter(f"{SVG}rect") if box.get("class") == kind]


@pytest.mark.parametrize("engine", FIXED)
@pytest.mark.parametrize("operation", ["get", "put"])
def test_every_step_is_numbered_and_in_words(engine: str, operation: str) -> None:
    result = crowded(engine, 14, operation)
    picture = Picture(draw_probe(result))
    numbers = sorted(int(number) for number in picture.texts("number"))
    assert numbers == [step.number for step in result.steps]
    whole = " ".join(picture.texts())
    for step in result.steps:
        assert step.note.partition(": ")[2] in whole
    assert result.conclusion in whole


@pytest.mark.parametrize("engine", FIXED)
def test_everything_lies_within_the_picture(engine: str) -> None:
    picture = Picture(draw_probe(crowded(engine, 40)))
    width, height = (float(picture.root.get(side) or 0) for side in ("width", "height"))
    assert picture.root.get("viewBox") == f"0 0 {width:.0f} {height:.1f}".removesuffix(".0")
    for box in picture.root.iter(f"{SVG}rect"):
        x, y, box_width, box_height = (
            float(box.get(side) or 0) for side in ("x", "y", "width", "height")
        )
        assert x >= 0
        assert x + box_width <= width
        assert y >= 0
        assert y + box_height <= height


@pytest.mark.parametrize("engine", FIXED)
def test_the_legend_explains_what_is_drawn(engine: str) -> None:
    picture = Picture(draw_probe(crowded(engine, 20)))
    drawn = {box.get("class") for box in picture.root.iter(f"{SVG}rect")}
    explained = {look for look, meaning in LEGEND.items() if meaning in picture.texts("muted")}
    assert explained == drawn & set(LEGEND)


def test_the_place_of_the_new_entry_is_marked() -> None:
    # The border itself, and its sample in the legend.
    assert len(Picture(draw_probe(crowded("swiss", 20))).boxes("new")) == 2
    assert not Picture(draw_probe(crowded("swiss", 20, "get"))).boxes("new")


def test_entries_that_move_are_drawn_moving() -> None:
    keys = np.asarray(colliding_keys("robinhood", "int64", 0, 30)).tolist()
    seeds = [f"{key}=1" for key in keys[:10]] + [f"{number}=1" for number in range(15)]
    results = (
        probe_visualize(n, mode="robinhood", seed=seeds, operation="put") for n in range(500)
    )
    moving = next(each for each in results if each.landing and each.landing.shifted > 1)
    picture = Picture(draw_probe(moving))
    assert moving.landing is not None
    assert len(picture.boxes("moves")) == moving.landing.shifted + 1
    assert "entry moves one slot on" in picture.texts("muted")


def test_both_tables_of_a_migration_are_drawn(tmp_path: Path) -> None:
    rows = "".join(f"put,{number},1\n" for number in range(900))
    trace = tmp_path / "trace.csv"
    trace.write_text(f"op,key,value\n{rows}", "utf-8")
    results = (probe_visualize(1, csv=str(trace), rows=rows) for rows in range(850, 950, 10))
    both = next(each for each in results if len(each.tables) == 2)
    headings = Picture(draw_probe(both)).texts("heading")
    assert [heading.partition(":")[0] for heading in headings] == [
        "the current table",
        "the old table",
    ]


@pytest.mark.parametrize("engine", ["robinhood", "swiss", "chaining"])
def test_a_long_probe_is_drawn_with_its_beginning_and_its_end(engine: str) -> None:
    result = crowded(engine, 3_000)
    svg = draw_probe(result)
    picture = Picture(svg)
    numbers = {int(number) for number in picture.texts("number")}
    assert {1, 2, 3, result.lookup_steps} <= numbers
    assert len(numbers) < len(result.steps)
    total = result.lookup_steps + result.insertion_steps
    assert f"{len(numbers)} of {total:,} steps are drawn." in picture.texts()
    assert len(svg) < 400_000


def test_a_picture_refers_to_nothing_outside() -> None:
    svg = draw_probe(crowded("swiss", 20))
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in svg
    assert "url(" not in svg


def test_every_look_has_a_colour_on_light_and_dark_pages() -> None:
    light, _, dark = style_sheet().partition("@media (prefers-color-scheme: dark)")
    for look in LEGEND:
        for part in (light, dark):
            assert re.search(rf"\.{look}\b[^{{}}]*{{[^}}]*(fill|stroke): #", part), look


def test_one_entry_is_not_called_entries() -> None:
    whole = " ".join(Picture(draw_probe(crowded("swiss", 1))).texts())
    assert "1 entry in 16 slots" in whole
    assert "1 entries" not in whole
