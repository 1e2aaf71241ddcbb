"""Hotshot-XL on today's diffusers: a prompt becomes a short GIF. Knows nothing of Discord."""
