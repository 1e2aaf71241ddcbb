"""The sandbox's part of Discord's REST API, and what it refuses."""
