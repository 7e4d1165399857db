"""What the words of the sandbox's health mean to somebody who did not build it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

#: Layer -> (its name, what it does), from the outermost wall to the innermost.
LAYERS = {
    "user_ns": (_("User namespace"), _("Being root inside means nothing outside.")),
    "pid_ns": (_("Process namespace"), _("Each run sees its own processes only, and all of them end with it.")),
    "mount_ns": (_("Mount namespace"), _("Its own view of files; what is mounted here is not there.")),
    "net_ns": (_("Network namespace"), _("No network card, no route, no address: there is nowhere to connect to.")),
    "ipc_ns": (_("IPC namespace"), _("No shared memory or message queue of another program.")),
    "uts_ns": (_("Host name namespace"), _("The name of this machine stays unknown.")),
    "cgroup_ns": (_("Control group namespace"), _("Where it stands in the system's accounting stays unknown.")),
    "read_only_root": (
        _("Read-only root"),
        _("The file system holds the language's own library and cannot be written to."),
    ),
    "landlock": (_("Landlock"), _("The kernel allows reading those files and nothing else, whatever else fails.")),
    "no_new_privs": (_("No new privileges"), _("No program can give back rights that were given up.")),
    "capabilities": (_("No capabilities"), _("Every special right of root is dropped for good.")),
    "own_uid": (_("User of its own"), _("Runs side by side belong to different users and cannot signal each other.")),
    "rlimits": (_("Resource limits"), _("Memory, processor time, processes, open files and file sizes are bounded.")),
    "fd_scrub": (_("No inherited files"), _("No open file or socket of the server reaches the code.")),
    "seccomp": (_("System call filter"), _("Calls that are not on a short list are refused by the kernel.")),
    "system_call_watch": (
        _("System call watch"),
        _("A call that only an attack makes ends the run, and its name is told."),
    ),
}

#: Mode -> what it means.
MODES = {
    "root": _("Started as root: each run has a user of its own"),
    "userns": _("Started by an ordinary user, inside a user namespace"),
    "landlock": _("No namespaces on this system: Landlock, system call filter and limits"),
}

PROFILES = {
    "base": _("Python with its standard library"),
    "template": _("Templates (Jinja2)"),
    "data": _("Python with numpy and pandas"),
    "javascript": _("JavaScript (Node.js)"),
    "net": _("Python with a guarded way to the internet"),
}

#: State of a profile -> (tone, icon, word).
PROFILE_STATES = {
    "ready": ("success", "circle-check", pgettext_lazy("profile state", "Ready")),
    "starting": ("running", "loader-circle", pgettext_lazy("profile state", "Starting")),
    "off": ("neutral", "circle-dashed", pgettext_lazy("profile state", "Off")),
    "failed": ("error", "circle-x", pgettext_lazy("profile state", "Failed")),
}

#: Limit of a run -> (its name, its unit).
LIMITS = {
    "wall_s": (_("Time"), "s"),
    "cpu_s": (_("Processor time"), "s"),
    "memory_mb": (_("Memory"), "MB"),
    "output_bytes": (_("Printed text"), "bytes"),
    "result_bytes": (_("Result"), "bytes"),
    "body_bytes": (_("Request"), "bytes"),
}

#: Status of a run -> the word for its counter.
OUTCOMES = {
    "ok": _("Succeeded"),
    "error": _("Failed by itself"),
    "timeout": _("Over the time limit"),
    "memory": _("Over the memory limit"),
    "output_limit": _("Over the output limit"),
    "killed": _("Killed"),
    "protocol": _("Forged result"),
}
