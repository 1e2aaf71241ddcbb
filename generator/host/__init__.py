"""The agent of a GPU host: joins a bot by its server, and runs workers for it. Free of torch."""
