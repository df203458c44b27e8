"""The system calls that a sandboxed program may make, as a BPF program for the kernel.

An allow-list: what is not named fails with ENOSYS (which C libraries take as "older kernel" and
work around), so a call that a future kernel adds is not allowed by accident. What is left out on
purpose, though programs use it elsewhere:

- ``mount``, ``pivot_root``, ``setns``, ``unshare``, ``clone3`` and ``clone`` with namespace flags:
  no new namespaces, so no new capabilities.
- ``ptrace``, ``process_vm_*``, ``kcmp``, ``pidfd_getfd``: no looking into other processes.
- ``keyctl``, ``add_key``, ``request_key``: the caller's keyring is not in a namespace.
- ``bpf``, ``perf_event_open``, ``userfaultfd``, ``io_uring_*``, ``open_by_handle_at``: the
  kernel's most exploited doors.
- ``memfd_*``, ``shmget``, ``mq_open`` and shared anonymous ``mmap``: memory that belongs to no
  process would escape the memory limit.
- ``socket`` but for local, IPv4 and IPv6 ones (of which the last two reach nothing): vsock and
  some other families are not in a namespace.
- ``ioctl`` TIOCSTI and TIOCLINUX: typing into a terminal.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
from functools import cache
from types import ModuleType
from typing import Any

from decentralml.errors import SandboxUnavailable

ALLOWED = frozenset(
    """
    accept accept4 access alarm arch_prctl bind brk cachestat capget chdir chmod chown
    clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range creat
    dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait
    eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate
    fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock
    fork fstat fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake
    get_mempolicy get_robust_list getcpu getcwd getdents getdents64 getegid geteuid getgid
    getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom
    getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
    getuid getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl kill
    lchown lgetxattr link linkat listen listxattr llistxattr lseek lstat madvise membarrier
    mincore mkdir mkdirat mlock mlock2 mprotect mremap msync munlock munmap nanosleep newfstatat
    open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free
    pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 pselect6 pwrite64 pwritev
    pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg rename renameat
    renameat2 restart_syscall riscv_flush_icache riscv_hwprobe rmdir rseq rt_sigaction
    rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity
    sched_yield select sendfile sendmmsg sendmsg sendto set_mempolicy set_robust_list
    set_tid_address setitimer setpgid setpriority setrlimit setsid setsockopt shutdown
    sigaltstack signalfd signalfd4 splice stat statfs statx symlink symlinkat sync_file_range
    sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
    timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask
    uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write writev
    """.split()  # noqa: SIM905
)

NAMESPACE_FLAGS = 0x7E020080
"""Every CLONE_NEW* bit: time, mount, cgroup, uts, ipc, user, pid and network."""
PERSONALITIES = (0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF)
"""Linux, and asking which: as other container runtimes allow."""
SOCKET_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
FORBIDDEN_IOCTLS = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX."""
SHARED_ANONYMOUS = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS
LOW = 0xFFFFFFFF
"""The kernel reads these arguments as 32 bits: so must the filter."""


EXPLICITLY_REFUSED = (
    *("mount", "umount2", "unshare", "setns", "chroot"),
    *("ptrace", "keyctl", "bpf", "memfd_create"),
)
"""Answered with EPERM instead, so that an error message reads well."""


@cache
def programs() -> tuple[bytes, ...]:
    """The filters for this machine's architecture, each for one ``--add-seccomp-fd``.

    Two, because one filter cannot say "any ioctl but these two": the kernel obeys the stricter.

    Raises
    ------
    SandboxUnavailable : if libseccomp is not on this machine.
    """
    try:
        import pyseccomp
    except (ImportError, RuntimeError) as error:
        raise SandboxUnavailable(
            f"libseccomp cannot be loaded ({error})",
            "install it (Debian, Ubuntu: apt install libseccomp2; Fedora: dnf install libseccomp)",
        ) from None
    return _compile(_allowed_calls(pyseccomp)), _compile(_forbidden_ioctls(pyseccomp))


def _allowed_calls(library: ModuleType) -> Any:
    rules = library.SyscallFilter(defaction=library.ERRNO(errno.ENOSYS))

    def add(action: int, name: str, *conditions: Any) -> None:
        try:
            rules.add_rule(action, name, *conditions)
        except OSError as error:
            # A call that this architecture or this libseccomp does not know stays refused.
            if error.errno not in (errno.EINVAL, errno.EDOM):
                raise

    def allow_masked(name: str, argument: int, mask: int, value: int) -> None:
        condition = library.Arg(argument, library.MASKED_EQ, mask, value)
        add(library.ALLOW, name, condition)

    for name in sorted(ALLOWED):
        add(library.ALLOW, name)
    for name in EXPLICITLY_REFUSED:
        add(library.ERRNO(errno.EPERM), name)
    allow_masked("clone", 0, NAMESPACE_FLAGS, 0)
    for personality in PERSONALITIES:
        allow_masked("personality", 0, LOW, personality)
    for family in SOCKET_FAMILIES:
        allow_masked("socket", 0, LOW, family)
    allow_masked("socketpair", 0, LOW, socket.AF_UNIX)
    allow_masked("mmap", 3, SHARED_ANONYMOUS, mmap.MAP_ANONYMOUS)
    allow_masked("mmap", 3, mmap.MAP_ANONYMOUS, 0)
    return rules


def _forbidden_ioctls(library: ModuleType) -> Any:
    rules = library.SyscallFilter(defaction=library.ALLOW)
    for request in FORBIDDEN_IOCTLS:
        condition = library.Arg(1, library.MASKED_EQ, LOW, request)
        rules.add_rule(library.ERRNO(errno.EPERM), "ioctl", condition)
    return rules


def _compile(rules: Any) -> bytes:
    with os.fdopen(os.memfd_create("seccomp"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
