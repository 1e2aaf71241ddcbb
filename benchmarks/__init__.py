"""Measurements for the README, run by ``make bench``; no test depends on them."""
