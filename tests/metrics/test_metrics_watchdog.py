"""Alerts: when they are raised, when they are cleared, and what is kept of them."""

from __future__ import annotations

from adhash.config_models import WatchdogSettings
from adhash.metrics.watchdog import ALERTS, Threshold, Watchdog

CALM = dict.fromkeys(ALERTS, 0.0)


def watch(limit: float = 0.8, hold_ticks: int = 2) -> Watchdog:
    return Watchdog([Threshold(name="load_factor", limit=limit, hold_ticks=hold_ticks)])


def run(watchdog: Watchdog, *load_factors: float) -> list[tuple[float, str]]:
    """Return when which event happened; ticks are a second apart."""
    return [
        (event.t, event.kind)
        for t, load_factor in enumerate(load_factors)
        for event in watchdog.observe(float(t), CALM | {"load_factor": load_factor})
    ]


def test_alert_is_raised_once_its_signal_has_held() -> None:
    watchdog = watch()
    assert run(watchdog, 0.9, 0.5, 0.8, 0.8, 0.9) == [(3.0, "alert_raised")]
    (alert,) = watchdog.alerts()
    assert (alert.name, alert.value, alert.threshold, alert.since_t) == (
        "load_factor", 0.9, 0.8, 3.0,
    )  # fmt: skip


def test_alert_is_cleared_once_its_signal_stays_clearly_below() -> None:
    watchdog = watch()
    events = run(watchdog, 0.9, 0.9, 0.79, 0.79, 0.79, 0.7, 0.9, 0.7, 0.7)
    assert events == [(1.0, "alert_raised"), (8.0, "alert_cleared")]
    assert watchdog.alerts() == []


def test_cleared_alert_can_be_raised_again() -> None:
    watchdog = watch(hold_ticks=1)
    kinds = [kind for _, kind in run(watchdog, 0.9, 0.1, 0.9)]
    assert kinds == ["alert_raised", "alert_cleared", "alert_raised"]


def test_history_keeps_cleared_and_open_alerts_with_their_peaks() -> None:
    watchdog = watch(hold_ticks=1)
    run(watchdog, 0.1, 0.85, 0.95, 0.1, 0.9)
    first, second = watchdog.history()
    assert (first.raised_at_s, first.cleared_at_s, first.peak) == (1.0, 3.0, 0.95)
    assert (second.raised_at_s, second.cleared_at_s, second.peak) == (4.0, None, 0.9)


def test_alert_raised_at_the_very_start_is_in_the_history() -> None:
    watchdog = watch(hold_ticks=1)
    run(watchdog, 0.9)
    assert [record.raised_at_s for record in watchdog.history()] == [0.0]


def test_every_threshold_of_the_settings_is_watched() -> None:
    watchdog = Watchdog.from_settings(WatchdogSettings(hold_ticks=1))
    watchdog.observe(0.0, dict.fromkeys(ALERTS, 1e9))
    assert [alert.name for alert in watchdog.alerts()] == list(ALERTS)


def test_threshold_that_is_off_never_alerts() -> None:
    watchdog = Watchdog.from_settings(WatchdogSettings(hold_ticks=1, load_factor=None))
    watchdog.observe(0.0, dict.fromkeys(ALERTS, 1e9))
    assert "load_factor" not in {alert.name for alert in watchdog.alerts()}


def test_disabled_watchdog_never_alerts() -> None:
    watchdog = Watchdog.from_settings(WatchdogSettings(enabled=False, hold_ticks=1))
    assert watchdog.observe(0.0, dict.fromkeys(ALERTS, 1e9)) == []
