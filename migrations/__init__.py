"""The database's history, run by Alembic at the bot's start and by ``hotshot-bot db upgrade``."""
