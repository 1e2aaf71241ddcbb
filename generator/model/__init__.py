"""Hotshot-XL in memory: its networks, its schedulers, and what is put on it."""
