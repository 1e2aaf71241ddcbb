"""What people see: wording, embeds, buttons."""
