"""Alert rules and the dashboard: they are valid, they work, and ask for metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import service_rows
from deploy_tools import DEPLOY, program, run, text_of

_RULES = DEPLOY / "prometheus"
# What Prometheus itself makes of each scrape.
_OF_PROMETHEUS = {"up"}
_METRIC = re.compile(r"\badhash_\w+|\bup\b(?=\{)")
_ALERT = re.compile(r"- alert: (\w+)")


def _promtool(*words: str) -> str:
    return run(program("promtool", "prometheus"), *words, cwd=_RULES)


def test_the_rules_are_valid() -> None:
    said = _promtool("check", "rules", "alerts.yml")
    assert f"{len(_ALERT.findall(text_of('prometheus', 'alerts.yml')))} rules found" in said


def test_the_rules_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in _promtool("test", "rules", "alerts.test.yml")


def test_every_rule_is_seen_to_fire_and_seen_to_rest() -> None:
    alerts = set(_ALERT.findall(text_of("prometheus", "alerts.yml")))
    tested = text_of("prometheus", "alerts.test.yml")
    resting = set(re.findall(r"alertname: (\w+), exp_alerts: \[\]", tested))
    firing = set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n", tested))
    assert firing == alerts == resting


def test_the_scrape_configuration_is_valid() -> None:
    _promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_the_rules_ask_for_metrics_that_exist() -> None:
    for file in ("alerts.yml", "alerts.test.yml"):
        expressions = re.sub(
            r"(summary|runbook|name|alertname): .*", "", text_of("prometheus", file)
        )
        asked = set(_METRIC.findall(expressions))
        assert len(asked) >= 5
        assert asked - service_rows.sample_names() - _OF_PROMETHEUS == set()


# --- the dashboard -------------------------------------------------------------------------------


def _dashboard() -> dict[str, Any]:
    return json.loads(text_of("grafana", "dashboard.json"))


def _expressions() -> Iterator[str]:
    for panel in _dashboard()["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def test_the_dashboard_shows_every_metric_and_none_that_is_not_there() -> None:
    asked = {name for expression in _expressions() for name in _METRIC.findall(expression)}
    assert asked - service_rows.sample_names() - _OF_PROMETHEUS == set()
    families = {row.split("`")[1] for row in service_rows.metric_rows()}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert families <= shown


def test_the_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    """As recording rules they pass the parser of Prometheus itself."""
    expressions = [
        expression.replace("$__rate_interval", "5m").replace("$instance", ".*")
        for expression in _expressions()
    ]
    assert len(expressions) >= 15
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(expressions)
    ]
    file = tmp_path / "panels.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    _promtool("check", "rules", str(file))


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in _dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
