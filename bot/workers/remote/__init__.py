"""Workers on GPU hosts elsewhere, reached over NATS; hosts come and go."""
