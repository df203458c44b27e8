"""Start bubblewrap so that nothing of it outlives the caller; as root, as an unprivileged user.

Run as a program of its own (``python -I -S launch.py DESCRIPTOR``), because it changes the mount
namespace and the user of its process. It imports nothing of this package, so that it starts in
milliseconds. From the descriptor it reads a plan, see :class:`Plan`.

Bubblewrap's own ``--die-with-parent`` comes late: it makes the sandbox's first process wait, and
while that waits nothing tells it that bubblewrap was killed. Until the sandbox is ready a guard
ends them all, see :func:`guard`. The other steps are only root's:

1. in a mount namespace of its own, every folder that the sandbox needs is bound below /tmp, where
   the unprivileged user reaches it whatever the permissions of the folders above;
2. folders that belong to the caller are mapped (``mount_setattr(2)``) so that root's files look
   like the unprivileged user's. Where the file system cannot do that, the writable folder is given
   to that user, and the others must be readable for all;
3. groups, group and user are dropped, limits are set, and bubblewrap takes over this process.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any, TypedDict

STAGE = "/tmp"
FAILED = 125

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_REC_PRIVATE = 0x4000 | 0x40000
MS_NOSUID_NODEV = 0x2 | 0x4
AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
AT_RECURSIVE = 0x8000
MOVE_MOUNT_F_EMPTY_PATH = 0x4
MOUNT_ATTR_IDMAP = 0x00100000
# The same on every architecture: they came after the tables were unified.
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442


class Source(TypedDict):
    path: str
    """Of a folder."""
    name: str
    """Below the stage, ``/`` separated."""
    lent: bool
    writable: bool


class Plan(TypedDict):
    alive: int
    """Descriptor: a byte arrives when the sandbox is ready, the end if the caller ends before."""
    user: int | None
    """Whom to become; None to stay who we are, with neither sources nor limits."""
    sources: list[Source]
    limits: list[tuple[int, int]]
    """Kernel limits (``setrlimit(2)``) by their number."""
    argv: list[str]


class MountAttributes(ctypes.Structure):
    """``struct mount_attr`` of ``mount_setattr(2)``."""

    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


libc = ctypes.CDLL(None, use_errno=True)


def call(what: str, result: int) -> int:
    """``result`` of a C function, or its error as an exception."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def identity_but_root(user: int) -> str:
    """Map of a user namespace in which ``user`` stands for root and everybody else for themselves.

    Lines are "first inside, first outside, how many"; ``user`` outside is taken by root, so
    inside it stands for nobody.
    """
    return f"0 {user} 1\n1 1 {user - 1}\n{user + 1} {user + 1} {0xFFFFFFFE - user}\n"


def user_namespace(user: int) -> int:
    """Descriptor of a new user namespace with that map; its process ends with this function."""
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        done = libc.unshare(CLONE_NEWUSER) == 0
        os.write(ready[1], b"y" if done else b"n")
        os.close(go[1])
        os.read(go[0], 1)
        os._exit(0)
    try:
        if os.read(ready[0], 1) != b"y":
            raise OSError("no user namespace")
        for kind in ("uid", "gid"):
            with open(f"/proc/{child}/{kind}_map", "w") as file:  # noqa: PTH123
                file.write(identity_but_root(user))
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for descriptor in (*ready, *go):
            os.close(descriptor)
        os.waitpid(child, 0)


def clone(source: Source, user: int, namespace: int | None) -> int:
    """A detached copy of the mount of ``source``, mapped for ``user`` if it is lent."""
    recursive = 0 if source["lent"] else AT_RECURSIVE
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive
    tree = call(
        f"open_tree {source['path']}",
        libc.syscall(SYS_OPEN_TREE, AT_FDCWD, source["path"].encode(), flags),
    )
    if source["lent"] and (namespace is None or not remap(tree, namespace)):
        open_for_all(source, user)
    return tree


def open_for_all(source: Source, user: int) -> None:
    """The old way, for file systems that cannot map owners."""
    if source["writable"]:
        os.chown(source["path"], user, user)
    elif os.stat(source["path"]).st_mode & 0o5 != 0o5:  # noqa: PTH116
        path = source["path"]
        raise OSError(f"others may not read {path}, and its file system cannot map owners "
                      f"(chmod -R a+rX {path})")  # fmt: skip


def remap(tree: int, namespace: int) -> bool:
    """Map the owners of a detached mount; False where the file system does not offer it."""
    attributes = MountAttributes(MOUNT_ATTR_IDMAP, 0, 0, namespace)
    size = ctypes.sizeof(attributes)
    result = libc.syscall(
        SYS_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, ctypes.byref(attributes), size
    )
    return bool(result == 0)


def guard(alive: int) -> None:
    """Leave a process behind that kills this process group if the caller ends too early."""
    if os.fork() != 0:
        os.close(alive)
        return
    os.closerange(0, alive)
    os.closerange(alive + 1, os.sysconf("SC_OPEN_MAX"))
    if not os.read(alive, 1):
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def stage(sources: list[Source], user: int) -> None:
    """Bind every source below the stage, in a mount namespace that only this process is in."""
    try:
        namespace: int | None = user_namespace(user)
    except OSError:
        namespace = None
    call("unshare", libc.unshare(CLONE_NEWNS))
    call("mount /", libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None))
    # All sources are opened before the stage hides those that lie below it.
    trees = [(clone(source, user, namespace), source) for source in sources]
    call(
        "mount stage", libc.mount(b"tmpfs", STAGE.encode(), b"tmpfs", MS_NOSUID_NODEV, b"mode=755")
    )
    for tree, source in trees:
        target = f"{STAGE}/{source['name']}"
        os.makedirs(target, 0o755)  # noqa: PTH103
        call(
            f"move_mount {target}",
            libc.syscall(
                SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH
            ),
        )
        os.close(tree)


def become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def main() -> int:
    with os.fdopen(int(sys.argv[1])) as file:
        plan: Any = json.load(file)
    try:
        guard(plan["alive"])
        if plan["user"] is not None:
            stage(plan["sources"], plan["user"])
            become(plan["user"])
        for kind, value in plan["limits"]:
            resource.setrlimit(kind, (value, value))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and so would they
        os.execve(plan["argv"][0], plan["argv"], {"PATH": "/usr/bin:/bin"})
    except OSError as error:
        print(f"launch: {error}", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
