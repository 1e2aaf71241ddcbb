"""Hotshot-XL: the network, its weights on disk, and the way from a request to frames."""
