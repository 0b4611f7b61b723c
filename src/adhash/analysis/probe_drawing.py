"""A probe as a picture: places in a row, visited ones numbered in order, colours with a legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, TypeVar

from adhash.analysis.probe_places import DrawnCell, DrawnPlace, places_of
from adhash.analysis.probe_style import LEGEND, style_sheet
from adhash.analysis.svg import Canvas

if TYPE_CHECKING:
    from adhash.analysis.probe_visualize import ProbeVisualizeResult
    from adhash.maps import ProbedTable, ProbeStep

T = TypeVar("T")

_GAP = "⋯"
_WIDTH = 960
_MARGIN = 24
_INNER = _WIDTH - 2 * _MARGIN
_LINE = 16
_CHARACTERS = 132

# Rows of several slots: step numbers, name, cells.
_NAME_X = _MARGIN + 84
_CELLS_X = _MARGIN + 200
_CELL_WIDTH, _CELL_HEIGHT = 44, 30
_ROW_CHARACTERS = 114
# Of a long probe the beginning is drawn and, as it decides, the end.
_FIRST_ROWS, _LAST_ROWS = 30, 6

# Rows of single slots, and how many neighbours are shown on both sides.
_SLOTS_A_LINE = 14
_SLOT_STEP, _SLOT_WIDTH, _SLOT_HEIGHT = 65, 50, 40
_NEIGHBOURS = 2
_FIRST_SLOTS, _LAST_SLOTS = 78, 28
_FIRST_NOTES, _LAST_NOTES = 24, 12


def draw_probe(result: ProbeVisualizeResult) -> str:
    """Return a picture of a probe trace.

    Parameters
    ----------
    result : ProbeVisualizeResult
        The trace.

    Returns
    -------
    str
        SVG, 960 pixels wide, without references to anything outside.
    """
    drawing = _Drawing(result)
    drawing.header()
    for number in range(len(result.tables)):
        drawing.table(number)
    drawing.legend()
    return drawing.finish()


class _Drawing:
    """Draws from the top to the bottom; `_y` is where the next thing begins."""

    def __init__(self, result: ProbeVisualizeResult) -> None:
        self._result = result
        self._canvas = Canvas(_WIDTH, title=_title(result), style=style_sheet())
        self._y = float(_MARGIN)
        self._looks: set[str] = set()
        self._numbered: set[int] = set()  # the steps that were drawn

    def finish(self) -> str:
        return self._canvas.finish(self._y + _MARGIN)

    def header(self) -> None:
        self._canvas.text(_MARGIN, self._y + 14, _title(self._result), "title")
        self._y += 36
        self._paragraph(self._result.conclusion, _CHARACTERS)

    def table(self, number: int) -> None:
        table = self._result.tables[number]
        self._y += 16
        self._canvas.text(_MARGIN, self._y + 12, _heading(table), "heading")
        self._y += 20
        self._paragraph(_facts(table), _CHARACTERS)
        places = places_of(self._result, number)
        self._strip(table, places)
        if table.place == "slot" or table.layout == "std":
            self._single_slots(table, places)
        else:
            self._rows(places)

    def legend(self) -> None:
        self._y += 12
        x = float(_MARGIN)
        for look, meaning in LEGEND.items():
            if look not in self._looks:
                continue
            width = 34 + 6.6 * len(meaning)
            if x + width > _WIDTH - _MARGIN:
                x, self._y = float(_MARGIN), self._y + 24
            self._canvas.rect(x, self._y, 20, 14, look, round_by=2)
            self._canvas.text(x + 26, self._y + 11, meaning, "muted")
            x += width + 8
        self._y += 28
        self._signs()
        steps = self._result.lookup_steps + self._result.insertion_steps
        if len(self._numbered) < steps:
            self._paragraph(f"{len(self._numbered):,} of {steps:,} steps are drawn.", _CHARACTERS)

    def _signs(self) -> None:
        """Say what the letters and numbers mean."""
        x = float(_MARGIN)
        kinds = {"step": "visited by the look-up", "step-insertion": "visited to insert"}
        phases = {step.phase for step in self._result.steps}
        for kind, meaning in list(kinds.items())[: len(phases)]:
            self._canvas.circle(x + 10, self._y + 7, 7, kind)
            self._canvas.text(x + 26, self._y + 11, meaning, "muted")
            x += 50 + 6.6 * len(meaning)
        tables = self._result.tables
        signs = ["A7: byte of the hash"] if any(table.tag is not None for table in tables) else []
        if any(table.layout == "robinhood" for table in tables):
            signs.append("d 3: distance from home, 1 at home")
        self._canvas.text(x, self._y + 11, "; ".join(signs), "muted")
        self._y += 20

    # --- parts -----------------------------------------------------------------------------

    def _paragraph(self, text: str, characters: int, *, x: float = _MARGIN) -> None:
        for line in wrap(text, characters):
            self._canvas.text(x, self._y + 12, line, "muted")
            self._y += _LINE

    def _strip(self, table: ProbedTable, places: Sequence[DrawnPlace]) -> None:
        """Show where in the whole table the visited places lie."""
        if table.places < 2:
            self._y += 8
            return
        self._y += 8
        scale = _INNER / table.places
        self._canvas.rect(_MARGIN, self._y, _INNER, 8, "strip", round_by=2)
        inside = [] if table.layout == "std" else [place for place in places if place.steps]
        visited = {each.index for each in inside if each.steps[0].place != "overflow"}
        for first, last in _runs(sorted({table.home, *visited})):
            width = max(2.0, (last - first + 1) * scale)
            self._canvas.rect(_MARGIN + first * scale, self._y, width, 8, "mark")
        self._canvas.text(_MARGIN, self._y + 20, f"{table.place} 0", "start-label")
        self._canvas.text(_WIDTH - _MARGIN, self._y + 20, f"{table.places - 1:,}", "end-label")
        self._y += 30

    def _numbers(self, steps: Sequence[ProbeStep], x: float, y: float, *, down: bool) -> None:
        """Draw the numbers of the steps of a place side by side, or upwards in a pile."""
        for at, step in enumerate(steps[:2]):
            width = max(20.0, 10 + 7 * len(str(step.number)))
            left, middle = (x - width / 2, y - 21 * (len(steps[:2]) - 1 - at)) if down else (x, y)
            kind = "step-insertion" if step.phase == "insertion" else "step"
            self._canvas.rect(left, middle - 10, width, 20, kind, round_by=10)
            self._canvas.text(left + width / 2, middle + 4, str(step.number), "number")
            self._numbered.add(step.number)
            x += 0 if down else width + 4

    def _cell(self, cell: DrawnCell, x: float, y: float, width: float, height: float) -> None:
        self._looks.add(cell.look)
        self._canvas.rect(x, y, width, height, cell.look, round_by=3)
        middle = x + width / 2
        if cell.below:
            self._canvas.text(middle, y + height / 2 - 2, cell.text, f"cell-text text-{cell.look}")
            self._canvas.text(middle, y + height / 2 + 13, cell.below, f"index text-{cell.look}")
        else:
            self._canvas.text(middle, y + height / 2 + 4, cell.text, f"cell-text text-{cell.look}")
        for border in (["ends"] if cell.is_end else []) + (["new"] if cell.is_new else []):
            self._looks.add(border)
            inset = 4 if border == "new" and cell.is_end else 0
            self._canvas.rect(
                x + inset, y + inset, width - 2 * inset, height - 2 * inset, border, round_by=3
            )

    # --- places with several slots: a row each ------------------------------------------------

    def _rows(self, places: Sequence[DrawnPlace]) -> None:
        before: float | None = None
        for place in _ends(places, _FIRST_ROWS, _LAST_ROWS):
            if place is None:
                self._canvas.text(_NAME_X, self._y + 14, _GAP, "name")
                self._y, before = self._y + 24, None
                continue
            middle = self._y + 14 + _CELL_HEIGHT / 2
            if before is not None:
                ends = [(_MARGIN + 10, before + 13), (_MARGIN + 10, middle - 13)]
                self._canvas.arrow(ends, "arrow")
            self._row(place)
            before = middle

    def _row(self, place: DrawnPlace) -> None:
        top = self._y + 14
        self._numbers(place.steps, _MARGIN, top + _CELL_HEIGHT / 2, down=False)
        self._canvas.text(_NAME_X, top + _CELL_HEIGHT / 2 + 4, place.name, "name")
        for at, cell in enumerate(place.cells):
            x = _CELLS_X + at * _CELL_WIDTH
            self._canvas.text(x + _CELL_WIDTH / 2 - 1, top - 4, str(at), "index")
            self._cell(cell, x, top, _CELL_WIDTH - 4, _CELL_HEIGHT)
        self._y = top + _CELL_HEIGHT + 4
        for step in place.steps:
            self._paragraph(_numbered(step), _ROW_CHARACTERS, x=_CELLS_X)
        self._y += 8

    # --- places of one slot: side by side -----------------------------------------------------

    def _single_slots(self, table: ProbedTable, places: Sequence[DrawnPlace]) -> None:
        is_chain = table.layout == "std"
        whole: list[DrawnPlace | None] = (
            _with_head(places, table) if is_chain else _with_neighbours(places, table)
        )
        row = _ends(whole, _FIRST_SLOTS, _LAST_SLOTS)
        for start in range(0, len(row), _SLOTS_A_LINE):
            self._slots(row[start : start + _SLOTS_A_LINE], is_chain=is_chain)
        steps = sorted((step for place in places for step in place.steps), key=_turn)
        for each in _ends(steps, _FIRST_NOTES, _LAST_NOTES):
            self._paragraph(f"{each.number}. {each.note}" if each else _GAP, _CHARACTERS)

    def _slots(self, places: Sequence[DrawnPlace | None], *, is_chain: bool) -> None:
        piles = max(len(place.steps[:2]) if place else 0 for place in places)
        top = self._y + 21 * piles + 8
        for at, place in enumerate(places):
            x = _MARGIN + at * _SLOT_STEP
            middle = (x + _SLOT_WIDTH / 2, top + _SLOT_HEIGHT / 2)
            if place is None:
                self._canvas.text(*middle, _GAP, "cell-text")
                continue
            self._numbers(place.steps, middle[0], top - 14, down=True)
            self._cell(place.cells[0], x, top, _SLOT_WIDTH, _SLOT_HEIGHT)
            name = place.name if is_chain else f"{place.index:,}"
            self._canvas.text(middle[0], top + _SLOT_HEIGHT + 13, name, "index")
            if is_chain and at + 1 < len(places):
                self._ahead(x, middle[1], "arrow")
            elif place.cells[0].look == "moves":
                self._ahead(x, middle[1], "move")
        self._y = top + _SLOT_HEIGHT + 26

    def _ahead(self, x: float, y: float, kind: str) -> None:
        """Draw an arrow from a slot to the next."""
        self._canvas.arrow([(x + _SLOT_WIDTH + 1, y), (x + _SLOT_STEP - 1, y)], kind, head=6)


def _ends(items: Sequence[T], first: int, last: int) -> list[T | None]:
    """Return the items; of many only the first and the last, and None between them."""
    if len(items) <= first + last + 1:
        return list(items)
    return [*items[:first], None, *items[-last:]]


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of neighbours among ascending numbers."""
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]


def _with_neighbours(places: Sequence[DrawnPlace], table: ProbedTable) -> list[DrawnPlace | None]:
    """Return the places with unvisited ones around them; a table's end joins its beginning.

    Between places that are no neighbours, because the steps there were not kept, stands None.
    """
    if not places or len(places) + 2 * _NEIGHBOURS > table.places:
        return list(places)
    first, last = places[0].index, places[-1].index
    before = [_unvisited((first - away) % table.places) for away in range(_NEIGHBOURS, 0, -1)]
    after = [_unvisited((last + away) % table.places) for away in range(1, _NEIGHBOURS + 1)]
    joined: list[DrawnPlace | None] = [*before]
    for place in places:
        previous = joined[-1]
        if previous is not None and place.index != (previous.index + 1) % table.places:
            joined.append(None)
        joined.append(place)
    return [*joined, *after]


def _with_head(places: Sequence[DrawnPlace], table: ProbedTable) -> list[DrawnPlace | None]:
    """Return the nodes of a chain behind the bucket they hang on."""
    if not places or not places[0].name.startswith("node"):
        return list(places)
    cell = DrawnCell(look="head-cell", text="")
    name = f"bucket {table.home:,}"
    return [DrawnPlace(name=name, index=table.home, steps=(), cells=(cell,)), *places]


def _unvisited(index: int) -> DrawnPlace:
    cell = DrawnCell(look="unvisited", text="")
    return DrawnPlace(name="", index=index, steps=(), cells=(cell,))


def _turn(step: ProbeStep) -> int:
    return step.number


def _numbered(step: ProbeStep) -> str:
    """Return the note of a step without its place, which stands beside it."""
    return f"{step.number}. {step.note.partition(': ')[2]}"


def _title(result: ProbeVisualizeResult) -> str:
    key = result.key if len(result.key) <= 48 else f"{result.key[:47]}…"
    entries = f"{result.size:,} {'entry' if result.size == 1 else 'entries'}"
    return f"{result.operation} of {key} in {result.engine}, {entries}"


def _heading(table: ProbedTable) -> str:
    role = {"only": "the table", "current": "the current table", "old": "the old table"}[table.role]
    return f"{role}: {table.layout}"


def _facts(table: ProbedTable) -> str:
    dead = f", {table.tombstones:,} tombstones" if table.tombstones else ""
    tag = "" if table.tag is None else f", its tag {table.tag:02X}"
    unit = "buckets" if table.layout == "std" else "slots"
    entries = "entry" if table.size == 1 else "entries"
    return (
        f"{table.size:,} {entries} in {table.capacity:,} {unit}{dead}; the key's hash is"
        f" {table.hash}{tag}, its home {table.place} {table.home:,}"
    )
