"""Engines that only the bot's tests need, named by what is wrong with them."""
