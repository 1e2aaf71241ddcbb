"""Proofs on nano, from pixels, that what it doesn't know can be taught to it."""
