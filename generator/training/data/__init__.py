"""People's pictures and films become batches: read, cut, captioned, cached, drawn."""
