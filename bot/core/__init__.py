"""What every room of the bot stands on: errors, the config, translations, logs. No Discord."""
