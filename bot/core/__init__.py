"""What every room of the bot uses: errors, config, translations, logs. Knows no Discord."""
