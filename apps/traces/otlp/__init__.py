"""Takes traces that programs elsewhere send over OTLP/HTTP: a small ASGI application in front of Django."""
