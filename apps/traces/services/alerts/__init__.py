"""Watching figures of runs: checking bounds, and telling people by e-mail and webhook."""
