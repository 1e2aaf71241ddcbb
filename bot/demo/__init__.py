"""What ``hotshot-bot demo`` runs: a sandbox, the real bot in it, one /gif, and a proof of it."""
