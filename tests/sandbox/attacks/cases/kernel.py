# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Attacks on the kernel's interface: points 19 to 31. The numbers are those of x86_64."""

from tests.sandbox.attacks.attack import EVERY_MODE, NAMESPACED, Attack, blocked, either, ends, held

#: point -> calls that no code of a user has a reason to make: making one ends the run, by name.
EVIDENCE_OF_ATTACK: dict[int, dict[str, int]] = {
    19: {"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311},
    22: {"unshare": 272, "setns": 308},
    23: {
        **{"mount": 165, "umount2": 166, "chroot": 161, "pivot_root": 155, "fsopen": 430, "open_tree": 428},
        **{"move_mount": 429, "mount_setattr": 442, "open_tree_attr": 467},
    },
    24: {"io_uring_enter": 426, "io_uring_register": 427},
    25: {"bpf": 321, "perf_event_open": 298},
    26: {"keyctl": 250, "add_key": 248, "request_key": 249},
    27: {"userfaultfd": 323},
    28: {"seccomp": 317, "personality": 135, "reboot": 169, "swapon": 167, "acct": 163, "quotactl": 179, "syslog": 103,
         "iopl": 172, "ioperm": 173, "modify_ldt": 154, "init_module": 175, "finit_module": 313, "delete_module": 176,
         "kexec_load": 246, "pidfd_getfd": 438},
}  # fmt: skip

#: Of two filters the stricter answer counts, and an errno is stricter than being watched.
REFUSED_BY_CONTAINERS = {
    **{"unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161},
}

ZYGOTE_MARK = 0x736B6570

INTERRUPT = """
import struct
PROT_EXEC = 4
def main(**facts):
    # Bytes cannot be written and then run, so look for the instruction in code that is mapped already, or in
    # any file that may be mapped as code, and jump there.
    place = mapped_code() or mapped_file()
    if not place:
        return {"found": False}
    ctypes.CFUNCTYPE(ctypes.c_long)(place)()
    return {"found": True, "survived": True}
class LinkMap(ctypes.Structure):
    _fields_ = [("base", ctypes.c_ulong), ("name", ctypes.c_char_p), ("dynamic", ctypes.c_void_p), ("next", ctypes.c_void_p)]
def mapped_code():
    libc.dlopen.restype = ctypes.c_void_p
    at = libc.dlopen(None, 1)
    while at:
        entry = LinkMap.from_address(at)
        at = entry.next
        if entry.base and ctypes.string_at(entry.base, 4) == bytes([127]) + b"ELF":
            for start, size in code_of(entry.base):
                found = ctypes.string_at(start, size).find(bytes([0xCD, 0x80]))
                if found >= 0:
                    return start + found
def code_of(base):
    offset, = struct.unpack("Q", ctypes.string_at(base + 32, 8))
    size, count = struct.unpack("HH", ctypes.string_at(base + 54, 4))
    for index in range(count):
        kind, flags, _, address, _, _, length, _ = struct.unpack("IIQQQQQQ", ctypes.string_at(base + offset + index * size, 56))
        if kind == 1 and flags & 1:
            yield base + address, length
def mapped_file():
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    for folder, _, names in os.walk(os.path.dirname(os.__file__)):
        for name in names:
            path = os.path.join(folder, name)
            data = open(path, "rb").read()
            found = data.find(bytes([0xCD, 0x80]))
            if found >= 0:
                start = libc.mmap(None, len(data), 1 | PROT_EXEC, 2, os.open(path, os.O_RDONLY), 0)
                if start not in (None, 2**64 - 1):
                    return start + found
"""

SHELLCODE = """
import mmap
CODE = bytes([0xB8, 42, 0, 0, 0, 0xC3])  # mov eax, 42; ret
READ, WRITE, EXEC = 1, 2, 4
PRIVATE, SHARED, ANONYMOUS = 2, 1, 32
def main(**facts):
    libc.mmap.restype = ctypes.c_void_p
    trial("rwx", lambda: run(system_call(9, 0, 4096, READ | WRITE | EXEC, PRIVATE | ANONYMOUS, -1, 0)))
    trial("shared rwx", lambda: run(system_call(9, 0, 4096, READ | WRITE | EXEC, SHARED | ANONYMOUS, -1, 0)))
    trial("rx", lambda: system_call(9, 0, 4096, READ | EXEC, PRIVATE | ANONYMOUS, -1, 0))
    trial("x", lambda: system_call(9, 0, 4096, EXEC, PRIVATE | ANONYMOUS, -1, 0))
    trial("python mmap", lambda: mmap.mmap(-1, 4096, prot=READ | WRITE | EXEC))
    trial("write, then execute", lambda: later(10))
    trial("by key", lambda: later(329))
    descriptor = os.open(os.__file__, os.O_RDONLY)
    trial("file rwx", lambda: run(system_call(9, 0, 4096, READ | WRITE | EXEC, PRIVATE, descriptor, 0)))
    def reopened():
        place = system_call(9, 0, 4096, READ | EXEC, PRIVATE, descriptor, 0)
        system_call(10, place, 4096, READ | WRITE)
        ctypes.memmove(place, CODE, len(CODE))
        system_call(10, place, 4096, READ | EXEC)
        return ctypes.CFUNCTYPE(ctypes.c_int)(place)()
    trial("file, then written, then executed", reopened)
    def moved():
        place = system_call(9, 0, 4096, READ | EXEC, PRIVATE, descriptor, 0)
        own = written()
        system_call(25, own, 4096, 4096, 3, place)
        raise OSError(1, "moved pages keep their rights")
    trial("moved", moved)
    trial("executable stack", lambda: system_call(10, ctypes.addressof(ctypes.create_string_buffer(1)) & -4096, 4096, 7))
    trial("growing down", lambda: system_call(10, written(), 4096, READ | EXEC | 0x01000000))
    trial("remap_file_pages", lambda: system_call(216, written(), 4096, EXEC, 0, 0))
    trial("shared memory", lambda: system_call(30, system_call(29, 0, 4096, 0o1777), 0, 0o100000))
    trial("callback", lambda: ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1) and written_closure())
    return outcome()
def written():
    place = system_call(9, 0, 4096, READ | WRITE, PRIVATE | ANONYMOUS, -1, 0)
    ctypes.memmove(place, CODE, len(CODE))
    return place
def later(number):
    place = written()
    system_call(number, place, 4096, READ | EXEC, 0)
    return ctypes.CFUNCTYPE(ctypes.c_int)(place)()
def run(place):
    ctypes.memmove(place, CODE, len(CODE))
    return ctypes.CFUNCTYPE(ctypes.c_int)(place)()
def written_closure():
    raise OSError(1, "a callback of the library's own making is no attack")
"""

CONTROL = """
import resource
def main(**facts):
    for name, option, value in [("dumpable", 4, 1), ("keepcaps", 8, 1), ("securebits", 28, 0), ("seccomp", 22, 2), ("ambient", 47, 2),
                                ("bounding", 24, 0), ("child subreaper", 36, 1), ("ptracer", 0x59616D61, 1), ("mm", 35, 1),
                                ("death signal", 1, 0), ("speculation", 53, 0), ("memory deny", 65, 1), ("tsc", 26, 1)]:
        trial("prctl " + name, lambda: system_call(157, option, value, 0, 0, 0))
    for name in ["RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_DATA"]:
        trial("raise " + name, resource.setrlimit, getattr(resource, name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        trial("prlimit " + name, resource.prlimit, 0, getattr(resource, name), (1 << 40, 1 << 40))
    trial("prlimit of another", resource.prlimit, 1, resource.RLIMIT_AS, (1 << 40, 1 << 40))
    for name in ["setuid", "setgid", "seteuid", "setegid"]:
        trial(name, getattr(os, name), 0)
    trial("setgroups", os.setgroups, [0])
    trial("setresuid", os.setresuid, 0, 0, 0)
    trial("capset", lambda: system_call(126, bytes([0x22, 0x05, 0x08, 0x20, 0, 0, 0, 0]), bytes([255]) * 24))
    trial("setfsuid", lambda: system_call(122, 0))
    trial("nice", os.nice, -5)
    trial("priority", os.setpriority, os.PRIO_PROCESS, 0, -10)
    trial("scheduler", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
    trial("affinity", os.sched_setaffinity, 0, {0})
    trial("host name", lambda: system_call(170, b"x", 1))
    trial("clock", lambda: __import__("time").clock_settime(0, 0))
    trial("landlock", lambda: system_call(444, 0, 0, 1))
    trial("arch_prctl", lambda: system_call(158, 0x1011, 0))
    trial("fanotify", lambda: system_call(300, 0, 0))
    trial("inotify", lambda: system_call(294, 0))
    trial("shared memory", lambda: system_call(29, facts["shared_memory_key"], 4096, 0))
    trial("messages", lambda: system_call(68, facts["shared_memory_key"], 0o1777))
    trial("mq_open", lambda: system_call(240, b"/skep", 0o102, 0o777, 0))
    trial("vmsplice", lambda: system_call(278, 1, 0, 0, 0))
    trial("memfd_secret", lambda: system_call(447, 0))
    trial("lookup_dcookie", lambda: system_call(212, 0, 0, 0))
    return outcome()
"""

DESCRIPTORS = """
import fcntl, socket
def main(**facts):
    one, other = socket.socketpair()
    for name, request in [("TIOCSTI", 0x5412), ("TIOCLINUX", 0x541C), ("TIOCSCTTY", 0x540E), ("SIOCGIFCONF", 0x8912), ("SIOCATMARK", 0x8905),
                          ("FIOASYNC", 0x5452), ("FS_IOC_GETFLAGS", 0x80086601), ("SIOCGSKNS", 0x894C), ("TUNSETIFF", 0x400454CA),
                          ("FIOSETOWN", 0x8901)]:
        for descriptor in [0, 3, one.fileno()]:
            trial(f"ioctl {name} {descriptor}", fcntl.ioctl, descriptor, request, bytes(64))
    for name, command, value in [("SETOWN", 8, 1), ("SETSIG", 10, 9), ("SETOWN_EX", 15, 0), ("NOTIFY", 1026, 1), ("SETLEASE", 1024, 0),
                                 ("SETPIPE_SZ", 1031, 1 << 20), ("ADD_SEALS", 1033, 1), ("SETLK", 6, 0), ("OFD", 37, 0)]:
        trial("fcntl " + name, lambda: system_call(72, one.fileno(), command, value))
    trial("sendmsg", lambda: one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, bytes([3, 0, 0, 0]))]))
    trial("recvmsg", lambda: other.recvmsg(16, 64))
    trial("sendmmsg", lambda: system_call(307, one.fileno(), bytes(64), 1, 0))
    trial("peer credentials", lambda: one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    trial("peer of the result's socket", lambda: system_call(55, 3, 1, 17, bytes(12), bytes([12, 0, 0, 0])))
    trial("shutdown of the result's socket", lambda: system_call(48, 3, 2))
    return outcome()
"""

HIGH_BITS = """
import socket
HIGH = 1 << 32
def main(**facts):
    path = os.__file__.encode()
    one, other = socket.socketpair()
    trial("mmap", lambda: system_call(9, 0, 4096, 7 | HIGH, 34, -1, 0))
    trial("mmap flags", lambda: system_call(9, 0, 4096, 7, 34 | HIGH, -1, 0))
    trial("mprotect", lambda: system_call(10, system_call(9, 0, 4096, 3, 34, -1, 0), 4096, 4 | HIGH))
    trial("open", lambda: system_call(2, path, os.O_RDWR | HIGH, 0))
    trial("openat", lambda: system_call(257, -100, path, os.O_WRONLY | HIGH, 0))
    trial("clone", lambda: system_call(56, 0x10000000 | 17 | HIGH, 0, 0, 0, 0))
    trial("clone plain", lambda: system_call(56, 17 | HIGH, 0, 0, 0, 0))
    trial("prctl", lambda: system_call(157, 22 | HIGH, 2, 0, 0, 0))
    trial("prctl dumpable", lambda: system_call(157, 4 | HIGH, 1, 0, 0, 0))
    trial("ioctl", lambda: system_call(16, one.fileno(), 0x8912 | HIGH, bytes(64)))
    trial("ioctl owner", lambda: system_call(16, one.fileno(), 0x8901 | HIGH, bytes(64)))
    trial("fcntl", lambda: system_call(72, one.fileno(), 8 | HIGH, 1))
    trial("fcntl signal", lambda: system_call(72, one.fileno(), 10 | HIGH, 9))
    trial("socketpair", lambda: system_call(53, 2 | HIGH, 1, 0, bytes(8)))
    trial("socketpair of another family", lambda: system_call(53, 16 | HIGH, 3, 0, bytes(8)))
    trial("socket", lambda: system_call(41, 2 | HIGH, 1, 0))
    limit = ctypes.create_string_buffer(bytes([0, 0, 0, 64, 0, 0, 0, 0]) * 2)
    trial("prlimit", lambda: system_call(302, 0, 9, limit, 0))
    trial("tgkill", lambda: system_call(234, 2 | HIGH, 2, 9))
    trial("number", lambda: system_call(41 | HIGH, 2, 1, 0))
    return outcome()
"""

ATTACKS = [
    *(
        Attack(
            name=f"python calls {name}",
            point=point,
            needs_x86_64=True,
            modes=NAMESPACED if name in REFUSED_BY_CONTAINERS else EVERY_MODE,
            code=f"def main(**_):\n    return {{'survived': system_call({number}, 0, 0, 0, 0, 0, 0)}}",
            expect=blocked(name),
        )
        for point, calls in EVIDENCE_OF_ATTACK.items()
        for name, number in calls.items()
    ),
    Attack(
        name="python calls ptrace from a thread",
        point=19,
        needs_x86_64=True,
        code="""
import threading
def main(**_):
    thread = threading.Thread(target=system_call, args=(101, 0, 0, 0, 0))
    thread.start()
    thread.join()
    return {"survived": True}
""",
        expect=blocked("ptrace"),
    ),
    Attack(
        name="python calls what the container refuses already",
        point=23,
        modes=("landlock",),
        needs_x86_64=True,
        code=f"""
def main(**facts):
    for name, number in {REFUSED_BY_CONTAINERS}.items():
        trial(name, lambda: system_call(number, 0, 0, 0, 0, 0, 0))
    return outcome()
""",
        expect=held(*REFUSED_BY_CONTAINERS),
    ),
    *(
        Attack(
            name=f"python calls {name} by its x32 number",
            point=20,
            needs_x86_64=True,
            code=f"def main(**_):\n    return {{'survived': system_call({number | 0x40000000}, 0, 0, 0)}}",
            expect=either(blocked(), ends("killed")),
        )
        for name, number in {"getpid": 39, "execve": 520, "read": 0, "ptrace": 521, "nothing": 511}.items()
    ),
    *(
        # The zygote marks those of these calls that it makes itself; the mark must be of no use to a run.
        Attack(
            name=f"python calls {name} with the zygote's mark",
            point=22,
            needs_x86_64=True,
            code=f"def main(**_):\n    return {{'survived': system_call({number}, {first}, 0, 0, 0, 0, {ZYGOTE_MARK})}}",
            expect=either(blocked(), ends("killed")),
        )
        for name, number, first in [("unshare", 272, 0x10000000), ("setns", 308, 3), ("seccomp", 317, 1)]
    ),
    Attack(
        name="python raises int 0x80 from code that is mapped already",
        point=21,
        needs_x86_64=True,
        code=INTERRUPT,
        expect=either(blocked(), ends("killed")),
    ),
    Attack(
        name="python makes namespaces by clone",
        point=22,
        needs_x86_64=True,
        code="""
def main(**facts):
    for name, flag in {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "mount": 0x20000, "uts": 0x04000000,
                       "ipc": 0x08000000, "cgroup": 0x02000000}.items():
        trial("clone " + name, lambda: system_call(56, flag | 17, 0, 0, 0, 0))
        trial("thread " + name, lambda: system_call(56, flag | 0x10900, 0, 0, 0, 0))
    trial("clone3", lambda: system_call(435, bytes(88), 88))
    return outcome()
""",
        expect=held(least=15, errors={"clone3": "ENOSYS", "clone user": "EPERM"}),
    ),
    Attack(
        name="python sets up io_uring",
        point=24,
        needs_x86_64=True,
        code="def main(**_):\n    trial('io_uring_setup', lambda: system_call(425, 8, bytes(120)))\n    return outcome()",
        expect=held(errors={"io_uring_setup": "ENOSYS"}),
    ),
    Attack(
        name="python faults in user space by device",
        point=27,
        code="def main(**_):\n    trial('device', os.open, '/dev/userfaultfd', os.O_RDONLY)\n    return outcome()",
        expect=held("device"),
    ),
    Attack(
        name="python asks the kernel for more rights", point=28, code=CONTROL, needs_x86_64=True, expect=held(least=50)
    ),
    Attack(
        name="python controls descriptors",
        point=29,
        code=DESCRIPTORS,
        needs_x86_64=True,
        expect=held("sendmsg", least=35),
    ),
    Attack(
        name="python makes code of its own executable",
        point=30,
        code=SHELLCODE,
        needs_x86_64=True,
        expect=held("rwx", "write, then execute", "file, then written, then executed", least=13),
    ),
    Attack(
        name="python sets the high halves of checked arguments",
        point=31,
        code=HIGH_BITS,
        needs_x86_64=True,
        expect=held(least=19),
    ),
]
