"""The page on which operators see how the sandbox is."""
