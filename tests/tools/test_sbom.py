"""A release's bill of materials: what cyclonedx-py writes of a lock, with the project's version."""

from __future__ import annotations

from tools.sbom import completed


def test_the_project_has_a_version_and_lines_of_the_lock_are_not_repeated() -> None:
    component = {"name": "yarl", "version": "1.2", "description": "requirements line 9: yarl==1.2"}
    bom = {"metadata": {"component": {"name": "hotshot-bot"}}, "components": [component]}
    assert completed(bom, "0.1.0") == {
        "metadata": {
            "component": {
                "name": "hotshot-bot",
                "version": "0.1.0",
                "purl": "pkg:pypi/hotshot-bot@0.1.0",
            }
        },
        "components": [{"name": "yarl", "version": "1.2"}],
    }
