"""The warmed process that every run is forked from: staged once, holding no secret, reading no payload."""
