"""Where vectors live: one protocol, one adapter per store."""
