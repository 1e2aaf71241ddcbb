"""Brings a job's progress and its result to its owner through Discord."""
