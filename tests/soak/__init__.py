"""The real bot and its workers, killed and cut off at random moments; then every job is counted.

``python -m tests.soak --jobs 500`` runs it; a short one is among the ordinary tests.
"""
