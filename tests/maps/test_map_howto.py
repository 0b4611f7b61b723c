"""The examples of the how-to run, and give what their comments promise."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "use-the-map.md"


def _literal(comment: str) -> list[Any]:
    try:
        return [ast.literal_eval(comment.strip().split(": ")[0])]
    except (SyntaxError, ValueError):
        return []


def test_the_examples_give_what_their_comments_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    checked = 0
    for block in re.findall(r"```python\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            code, _, comment = line.partition("  #")
            is_expression = "=" not in re.sub(r"\(.*\)|==", "", code) and "import" not in code
            expected = _literal(comment) if is_expression else []
            if not expected or code.startswith("del "):
                exec(code, names)  # noqa: S102
                continue
            assert eval(code, names) == expected[0], line  # noqa: S307
            checked += 1
    assert checked >= 8
