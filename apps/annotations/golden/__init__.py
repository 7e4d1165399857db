"""Items of golden sets before they are stored: what they hold, how files of them are read and written. Pure."""
