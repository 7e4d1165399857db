"""What programs elsewhere send: OTLP read off the wire, each client's own names mapped to our spans. Pure."""
