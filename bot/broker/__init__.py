"""The NATS server that GPU hosts dial: its keys, its certificate, its settings, its process."""
