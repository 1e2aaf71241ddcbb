"""Reads films and pictures of any origin: what they are, and their frames. Knows no model."""
