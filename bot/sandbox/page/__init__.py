"""The sandbox in a browser: Discord's client as a page, for people. Knows nothing of any bot."""
