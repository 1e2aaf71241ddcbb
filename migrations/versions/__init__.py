"""One file a revision; the number that its name begins with is the revision."""
