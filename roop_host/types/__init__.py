"""The values that all rooms share. Import from the modules; nothing heavy is imported here."""
