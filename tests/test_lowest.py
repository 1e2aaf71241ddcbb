"""constraints-lowest.txt holds just the lower bounds that pyproject.toml promises."""

from tools.lowest import LOWEST, lower_bounds, read_pins


def test_every_lower_bound_is_what_make_test_lowest_installs() -> None:
    pins = read_pins(LOWEST)
    wrong = {
        name: (bound, pins.get(name))
        for name, bound in lower_bounds().items()
        if not is_same_version(pins.get(name, ""), bound)
    }
    assert not wrong, "python -m tools.lowest writes constraints-lowest.txt anew"


def is_same_version(one: str, other: str) -> bool:
    """Whether 11.3.0 is 11.3."""
    return one.removesuffix(".0").removesuffix(".0") == other.removesuffix(".0").removesuffix(".0")


def test_bounds_are_read_with_extras_and_markers() -> None:
    bounds = lower_bounds()
    assert {"uvloop", "pillow", "pytest", "torch"} <= bounds.keys()
    assert all(bound[0].isdigit() for bound in bounds.values())
