"""Errors of starting up; each message tells the operator what to do next.

StartupError
├── MissingDependency   a binary or library is not there
├── PortTaken           somebody else listens where we want to
├── DataDirLocked       another copy runs on this data directory
└── ServiceFailed       an embedded service did not start, with the end of its log
"""


class StartupError(Exception):
    """Skep cannot start; the message is shown to the operator as it stands."""


class MissingDependency(StartupError):
    """A program or library that is needed is not installed."""


class PortTaken(StartupError):
    """Another process listens on the wanted port."""


class DataDirLocked(StartupError):
    """Another copy of Skep uses this data directory."""


class ServiceFailed(StartupError):
    """An embedded service ended or did not answer in time."""
