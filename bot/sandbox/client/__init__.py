"""Discord's client, as a person in the sandbox uses it."""
