"""The only way out of the profile `net`: a forward proxy in a process of its own, and the rules that it keeps."""
