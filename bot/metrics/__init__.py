"""Figures for Prometheus, and whether the bot is alive and ready; knows no Discord."""
