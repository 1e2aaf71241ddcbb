"""The rules on who may ask for what, here and now, and what of it may be posted. No Discord."""
