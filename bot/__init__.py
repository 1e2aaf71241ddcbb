"""A Discord bot that hands requests to generator processes. Never imports torch."""
