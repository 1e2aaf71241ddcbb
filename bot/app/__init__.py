"""Puts the bot together and runs it: the composition root, Discord's client, the lock."""
