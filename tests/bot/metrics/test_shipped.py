"""What ships beside the bot, and the page on operating, name metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from bot.metrics.families import Families, table
from tests.programs import need_program

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "deploy" / "monitoring"
NAME = re.compile(r"\b(?:hotshot|process)_\w+")
_SUFFIXES = ("_bucket", "_count", "_sum")


def named_in(text: str) -> set[str]:
    """The metrics that a text names, a histogram's series as the histogram."""
    return {re.sub(f"({'|'.join(_SUFFIXES)})$", "", name) for name in NAME.findall(text)}


def dashboard_queries() -> list[str]:
    """Every query of the dashboard that ships."""
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    queries = [each["expr"] for each in dashboard["annotations"]["list"]]
    for panel in dashboard["panels"]:
        queries += [target["expr"] for target in panel.get("targets", ())]
    return queries


def alerts() -> str:
    return (MONITORING / "alerts.yml").read_text(encoding="utf-8")


def declared() -> dict[str, str]:
    """Every metric that there can be, and its kind."""
    own = {each.name: each.kind for each in Families().descriptions}
    return own | {
        "process_cpu_seconds_total": "counter",
        "process_resident_memory_bytes": "gauge",
        "process_start_time_seconds": "gauge",
        "process_open_fds": "gauge",
        "process_max_fds": "gauge",
    }


def test_dashboard_and_alerts_name_what_there_is() -> None:
    used = named_in("\n".join(dashboard_queries())) | named_in(alerts())
    assert used <= declared().keys()
    assert len(used) > 20
    shown = named_in("\n".join(dashboard_queries()))
    assert declared().keys() - shown == {"hotshot_build_info"}


def test_panels_have_ids_and_places_of_their_own() -> None:
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("check config", "prometheus.yml"),
        ("check rules", "alerts.yml"),
        ("test rules", "alerts_test.yml"),
    ],
)
def test_prometheus_takes_it(command: str, file: str) -> None:
    promtool = need_program("promtool")
    done = subprocess.run(
        [promtool, *command.split(), MONITORING / file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_each_query_of_the_dashboard(tmp_path: Path) -> None:
    """As the rules of a file, since promtool checks no dashboards."""
    promtool = need_program("promtool")
    queries = [query.replace("$__rate_interval", "1m") for query in dashboard_queries()]
    rules = [{"record": f"q:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_on_operating_has_the_table() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    expected = "\n".join(table())
    assert expected in page, f"docs/operating.md should have\n{expected}"
