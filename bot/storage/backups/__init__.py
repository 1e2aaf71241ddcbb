"""Backups of a bot that may be running, and the ways back: restored, or moved to another database.

A backup is one database as of one moment, always as a SQLite file, and the blobs that its rows
name. So it goes back into SQLite and into PostgreSQL alike. Blocking; knows no Discord.
"""
