"""From people's pictures and films to batches: read, cut, captioned, cached, drawn."""
