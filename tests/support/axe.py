"""Deque's accessibility rules, run in the page."""

from importlib.resources import files
from typing import Any

__all__ = ("AXE", "violations")

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
"""For `page.add_init_script`, which a strict Content-Security-Policy lets pass."""


def violations(page: Any, *selectors: str) -> list[str]:
    """What breaks a rule of axe-core, one line each; empty is what one wants.

    Args:
        page: A page opened after ``page.add_init_script(AXE)``.
        selectors: Where to look; all of the page when left out.
    """
    found = page.evaluate(
        """async (selectors) => {
          const where = selectors.length ? { include: selectors.map((one) => [one]) } : document;
          return (await axe.run(where, { resultTypes: ["violations"] })).violations;
        }""",
        list(selectors),
    )
    return [
        f"{rule['id']}: {rule['help']}: {node['target']}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
