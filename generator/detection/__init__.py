"""Detectors of pictures: which classes of things are seen in a file, and how surely."""
