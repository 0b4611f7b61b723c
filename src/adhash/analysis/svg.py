"""Writing SVG: shapes and text with classes, which one style sheet colours."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

_NAMESPACE = "http://www.w3.org/2000/svg"


class Canvas:
    """An SVG image that grows downwards.

    Parameters
    ----------
    width : int
        In pixels.
    title : str
        What the image shows, for those who hear it.
    style : str
        CSS for the classes.
    """

    def __init__(self, width: int, *, title: str, style: str) -> None:
        self.width = width
        self._root = ElementTree.Element("svg", {"xmlns": _NAMESPACE, "role": "img"})
        ElementTree.SubElement(self._root, "title").text = title
        ElementTree.SubElement(self._root, "style").text = style
        self._background = self._add("rect", "page", x=0, y=0, width=width, height=0)

    def rect(
        self, x: float, y: float, width: float, height: float, kind: str, *, round_by: float = 0
    ) -> None:
        """Draw a rectangle of class `kind`."""
        self._add("rect", kind, x=x, y=y, width=width, height=height, rx=round_by)

    def circle(self, x: float, y: float, radius: float, kind: str) -> None:
        """Draw a circle of class `kind`."""
        self._add("circle", kind, cx=x, cy=y, r=radius)

    def path(self, commands: str, kind: str) -> None:
        """Draw a path of class `kind`."""
        ElementTree.SubElement(self._root, "path", {"class": kind, "d": commands})

    def text(self, x: float, y: float, text: str, kind: str) -> None:
        """Write one line of class `kind`; `y` is its base line."""
        self._add("text", kind, x=x, y=y).text = text

    def arrow(self, points: Sequence[tuple[float, float]], kind: str, *, head: float = 5) -> None:
        """Draw a line through points with a head at its end.

        Parameters
        ----------
        points : sequence of pairs
            Two, or four: then the ends and control points of a curve. It ends vertically or
            horizontally, as its last two points lie.
        kind : str
            Its class; the head has the same one and ``head``.
        head : float
            How long the head is, in pixels.
        """
        (x, y), (before_x, before_y) = points[-1], points[-2]
        join = "C" if len(points) == 4 else "L"
        rest = " ".join(f"{_short(px)},{_short(py)}" for px, py in points[1:])
        start_x, start_y = points[0]
        self.path(f"M{_short(start_x)},{_short(start_y)} {join}{rest}", kind)
        length = max(1e-9, ((x - before_x) ** 2 + (y - before_y) ** 2) ** 0.5)
        along_x, along_y = (x - before_x) / length * head, (y - before_y) / length * head
        left = f"{_short(x - along_x - along_y / 2)},{_short(y - along_y + along_x / 2)}"
        right = f"{_short(x - along_x + along_y / 2)},{_short(y - along_y - along_x / 2)}"
        self.path(f"M{_short(x)},{_short(y)} L{left} L{right} Z", f"{kind} head")

    def finish(self, height: float) -> str:
        """Return the image as text, cut at a height in pixels."""
        size = {"width": str(self.width), "height": _short(height)}
        self._root.attrib.update(size, viewBox=f"0 0 {self.width} {_short(height)}")
        self._background.set("height", _short(height))
        ElementTree.indent(self._root)
        text = ElementTree.tostring(self._root, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'

    def _add(self, tag: str, kind: str, **numbers: float) -> ElementTree.Element:
        attributes = {name: _short(number) for name, number in numbers.items()}
        return ElementTree.SubElement(self._root, tag, {"class": kind, **attributes})


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
