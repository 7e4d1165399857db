"""Which system calls belong to which list; a name that a machine does not have is simply not there."""

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What a running interpreter needs, and what reaches nothing outside the process.
PLAIN: Final = _names(
    """
    read write close fstat stat lstat newfstatat statx lseek pread64 preadv readv writev readlink readlinkat
    access faccessat getcwd getdents64 munmap brk mremap madvise
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    futex set_robust_list rseq membarrier getcpu sched_yield sched_getaffinity exit exit_group
    getpid gettid getppid getuid geteuid getgid getegid
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
    getrandom getrusage getrlimit times uname sysinfo
    dup dup2 dup3 pipe poll ppoll select pselect6
    epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 recvfrom
    """
)

#: Node starts by exec, so the loader's own calls come on top; its compiler writes code, so memory is not checked.
JAVASCRIPT: Final = _names(
    """
    mmap mprotect set_tid_address capget mincore
    sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min getpriority
    """
)

#: What the net profile adds beside socket() and its options, which are checked; the network that it reaches is one
#: listener and nothing else.
NET: Final = _names("connect getsockname getpeername shutdown")

#: Newer spellings of calls. A library takes ENOSYS as "old kernel" and falls back, but EPERM as a failure.
FALL_BACK: Final = _names(
    """
    clone3 openat2 faccessat2 fchmodat2 epoll_pwait2 close_range preadv2 pwritev2
    futex_waitv futex_wake futex_wait futex_requeue
    io_uring_setup memfd_create memfd_secret pkey_alloc pkey_free map_shadow_stack mseal cachestat
    """
)

#: No program meets one of these by chance: to try is to attack.
ATTACKS: Final = _names(
    """
    ptrace process_vm_readv process_vm_writev pidfd_getfd bpf userfaultfd perf_event_open
    add_key request_key keyctl execveat open_by_handle_at io_uring_enter io_uring_register
    mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr mount_setattr
    unshare setns seccomp personality quotactl quotactl_fd acct syslog
    create_module init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff
    modify_ldt iopl ioperm uprobe uretprobe
    """
)

#: Attacks that the zygote itself has to make while it prepares a child: the watch lets them pass with the mark.
MARKED: Final = _names("unshare setns seccomp")
