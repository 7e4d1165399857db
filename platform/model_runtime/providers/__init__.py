"""One module per kind of provider; each implements the protocols beside this package."""
