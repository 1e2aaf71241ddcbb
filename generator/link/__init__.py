"""How a bot and its GPU hosts connect to their NATS server: by TLS and nkey, or not at all."""
