"""Programs that try to see or touch what lies outside the sandbox."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_support import answer, attempt, output_of


def test_no_network_not_even_to_this_machine(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.settimeout(0)
        found = answer(
            tmp_path,
            f"""
            import socket
            answer({{
                "loopback": tried(socket.create_connection, ("127.0.0.1", {port}), 2),
                "outside": tried(socket.create_connection, ("203.0.113.1", 80), 2),
                "name": tried(socket.getaddrinfo, "example.org", 80),
                "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev")][2:],
            }})
            """,
        )
        with pytest.raises(BlockingIOError):
            server.accept()
    assert found["loopback"] == "ECONNREFUSED"
    assert found["outside"] == "ENETUNREACH"
    assert found["name"] != "done"
    assert found["interfaces"] == ["lo"]


def test_no_abstract_socket_of_the_host(tmp_path: Path) -> None:
    name = f"\0decentralml-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        found = answer(
            tmp_path,
            f"""
            import socket
            answer(tried(socket.socket(socket.AF_UNIX).connect, {name!r}))
            """,
        )
    assert found == "ECONNREFUSED"


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_NETLINK", "AF_PACKET", "AF_ALG"])
def test_no_sockets_of_families_that_are_not_in_a_namespace(tmp_path: Path, family: str) -> None:
    found = answer(
        tmp_path,
        f"import socket\nanswer(tried(socket.socket, socket.{family}, socket.SOCK_DGRAM))",
    )
    assert found in ("ENOSYS", "EPERM")


def test_no_file_of_the_host(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    found = answer(
        tmp_path,
        f"""
        seen = [os.path.join(folder, name) for folder, _, names in os.walk("/")
                if not folder.startswith(("/proc", "/usr", "/sys")) for name in names]
        answer({{
            "files": {{path: tried(open, path) for path in [
                "/etc/shadow", "/etc/hostname", "/etc/hosts", "{secret}", "{Path.home()}/.bashrc",
                "/proc/1/root/etc/shadow", "/run", "/var", "/tmp/../{secret}", "/boot", "/srv",
            ]}},
            "secrets": [path for path in seen if path.endswith("secret")],
            "etc": sorted(os.listdir("/etc")),
        }})
        """,
    )
    assert set(found["files"].values()) == {"ENOENT"}
    assert found["secrets"] == []
    assert set(found["etc"]) <= {
        "alternatives", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "passwd",
    }  # fmt: skip


def test_nothing_of_the_caller_s_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_PASSPHRASE", "open sesame")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "open sesame")
    found = answer(
        tmp_path,
        """
        everywhere = dict(os.environ)
        for name in os.listdir("/proc"):
            if name.isdecimal():
                for what in ("environ", "cmdline"):
                    everywhere[name + what] = open(f"/proc/{name}/{what}", "rb").read().decode()
        answer(everywhere)
        """,
        environment={"DML_CONTRIBUTOR": "5Grw"},
    )
    assert "open sesame" not in str(found)
    assert str(tmp_path) not in str(found)
    assert found["DML_CONTRIBUTOR"] == "5Grw"
    assert found["HOME"] == "/home/sandbox"


def test_no_open_descriptor_of_the_caller(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("secret")
    with (tmp_path / "open").open() as file:
        os.set_inheritable(file.fileno(), True)
        found = answer(
            tmp_path,
            """
            links = {n: os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                     if os.path.exists(f"/proc/self/fd/{n}")}
            answer(links)
            """,
        )
    assert found["0"] == "/dev/null"
    assert not [link for link in found.values() if "open" in link]
    assert {number for number, link in found.items() if link.startswith("pipe:")} == {"1", "2"}


def test_no_process_of_the_host_is_seen_or_killed(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        found = answer(
            tmp_path,
            f"""
            answer({{
                "seen": sorted(int(n) for n in os.listdir("/proc") if n.isdecimal()),
                "kill": tried(os.kill, {other.pid}, 9),
                "signal init": tried(os.kill, 1, 9),
                "parent": os.getppid(),
            }})
            """,
        )
        assert other.poll() is None
    finally:
        other.communicate(b"\n")
    assert max(found["seen"]) < 20
    assert found["kill"] == "ESRCH"
    assert found["parent"] == 1


def test_inputs_cannot_be_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inputs").write_text("theirs")
    (data / "inputs").chmod(0o666)
    found = answer(
        tmp_path,
        """
        answer({
            "change": tried(open, "/data/inputs", "w"),
            "add": tried(open, "/data/new", "w"),
            "remove": tried(os.remove, "/data/inputs"),
            "permissions": tried(os.chmod, "/data/inputs", 0o777),
            "through proc": tried(open, f"/proc/{os.getpid()}/root/data/inputs", "w"),
            "task": tried(open, "/task/attempt.py", "a"),
            "python": tried(open, sys.prefix + "/pyvenv.cfg", "a"),
            "root": tried(open, "/new", "w"),
            "dev": tried(open, "/dev/new", "w"),
            "etc": tried(open, "/etc/passwd", "a"),
            "usr": tried(open, "/usr/new", "w"),
            "kernel": tried(open, "/proc/sys/kernel/core_pattern", "w"),
        })
        """,
        mounts={"data": data},
    )
    assert set(found.values()) <= {"EROFS", "EACCES", "EPERM"}, found
    assert (data / "inputs").read_text() == "theirs"


def test_files_that_only_the_caller_may_read_are_lent_all_the_same(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "inputs").write_text("lent")
    (data / "inputs").chmod(0o600)
    assert answer(tmp_path, "answer(open('/data/inputs').read())", mounts={"data": data}) == "lent"


def test_it_is_nobody_and_can_become_nobody_else(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        status = dict(l.split(":", 1) for l in open("/proc/self/status").read().splitlines())
        answer({
            "map": open("/proc/self/uid_map").read().split(),
            "capabilities": {status[k].strip() for k in status if k.startswith("Cap")}.pop(),
            "privileges": status["NoNewPrivs"].strip(),
            "groups": os.getgroups(),
            "root": tried(os.setuid, 0),
            "su": tried(os.execv, "/usr/bin/su", ["su", "-c", "id"])
                  if not os.path.exists("/usr/bin/su") else "there",
        })
        """,
    )
    inside, outside, count = map(int, found["map"])
    assert (inside, count) == (1000, 1)
    assert outside != 0
    assert int(found["capabilities"], 16) == 0
    assert found["privileges"] == "1"
    assert found["root"] in ("EPERM", "ENOSYS")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of system calls")
def test_no_ptrace_no_mounts_no_new_namespaces_no_keyring(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        NEWUSER = 0x10000000
        child = os.fork()
        if not child:
            os.read(0, 1)
            os.execv("/bin/sleep", ["sleep", "5"])
        answer({
            "ptrace": called(libc.ptrace, 16, child, 0, 0),
            "memory": called(libc.process_vm_readv, child, None, 0, None, 0, 0),
            "mount": called(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None),
            "umount": called(libc.umount2, b"/proc", 2),
            "unshare": called(libc.unshare, NEWUSER),
            "unshare mount": called(libc.unshare, 0x20000),
            "clone": called(libc.syscall, 56, NEWUSER | 17, 0, 0, 0, 0),
            "clone3": called(libc.syscall, 435, 0, 0),
            "setns": called(libc.setns, 0, 0),
            "chroot": called(libc.chroot, b"/tmp"),
            "pivot_root": called(libc.syscall, 155, b"/tmp", b"/tmp"),
            "keyctl": called(libc.syscall, 250, 0, -3, 0),
            "add_key": called(libc.syscall, 248, b"user", b"x", b"y", 1, -3),
            "bpf": called(libc.syscall, 321, 0, 0, 0),
            "io_uring": called(libc.syscall, 425, 1, 0),
            "perf": called(libc.syscall, 298, 0, 0, 0, 0, 0),
            "userfaultfd": called(libc.syscall, 323, 0),
            "open_by_handle": called(libc.syscall, 304, 0, 0, 0),
            "module": called(libc.syscall, 313, 0, b"", 0),
            "reboot": called(libc.syscall, 169, 0, 0, 0, 0),
            "mknod": called(libc.syscall, 133, b"/output/device", 0o60600, 0x800),
            "memfd": called(libc.syscall, 319, b"x", 0),
            "shmget": called(libc.shmget, 0, 1 << 20, 0o1600),
        })
        """,
    )
    assert set(found.values()) <= {"EPERM", "ENOSYS"}, found


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x32 is of x86-64 alone")
def test_calls_by_another_convention_end_the_program(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path, "import ctypes\nctypes.CDLL(None).syscall(0x40000000 + 39)\nprint('went on')"
    )
    assert outcome.exit_code == 128 + signal.SIGSYS
    assert "went on" not in outcome.log_tail


def test_no_typing_into_a_terminal(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        import fcntl, pty
        TIOCSTI = 0x5412
        high = ctypes.c_ulong(0x1_0000_0000 + TIOCSTI)
        libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
        answer({
            "terminal": tried(open, "/dev/tty"),
            "new": tried(pty.openpty),
            "sti": [called(libc.ioctl, n, TIOCSTI, b"x") for n in range(3)],
            "high bits": [called(libc.ioctl, n, high, b"x") for n in range(3)],
            "linux": [called(libc.ioctl, n, 0x541C, b"x") for n in range(3)],
        })
        """,
    )
    assert found["terminal"] in ("ENXIO", "ENOENT")
    assert found["new"] != "done"
    assert {*found["sti"], *found["high bits"], *found["linux"]} == {"EPERM"}


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    lines: list[str] = []
    log = tmp_path / "log"
    outcome = attempt(
        tmp_path,
        r"""
        import sys
        sys.stdout.buffer.write(b"\x1b]0;owned\x07 \x1b[2Jred\x9b31m \xff\n10 %\r100 %\r\nend")
        """,
        on_line=lines.append,
        log=log,
    )
    assert outcome.ok
    assert lines == log.read_text().splitlines()
    assert lines[1:] == ["100 %", "end"]
    assert all(c.isprintable() for c in "".join(lines) + outcome.log_tail.replace("\n", ""))


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        ("os.symlink('/etc/passwd', '/output/model')", "symbolic link"),
        ("os.symlink('../../..', '/output/up')", "symbolic link"),
        ("os.mkdir('/output/a'); os.symlink('/', '/output/a/root')", "symbolic link"),
        ("open('/output/a', 'w'); os.link('/output/a', '/output/b')", "hard link"),
        (
            "import socket; socket.socket(socket.AF_UNIX).bind('/output/socket')",
            "neither a file nor a folder",
        ),
        ("open('/output/x', 'w'); os.chmod('/output/x', 0o4755)", "rights of its owner"),
        ("open('/output/x\\x1b[2J', 'w')", "cannot be printed"),
        ("open(b'/output/\\xff', 'w')", "cannot be printed"),
        ("os.makedirs('/output' + '/d' * 40)", "too many|more than"),
    ],
)
def test_output_with_anything_but_plain_files_is_refused(
    tmp_path: Path, make: str, complaint: str
) -> None:
    outcome = attempt(tmp_path, f"import os\n{make}\n")
    assert not outcome.ok
    assert any(part in outcome.detail for part in complaint.split("|")), outcome
    assert list(output_of(tmp_path).iterdir()) == []
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".sandbox")] == []


def test_output_cannot_be_linked_to_inputs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "x").write_text("x")
    found = answer(
        tmp_path, "answer(tried(os.link, '/data/x', '/output/x'))", mounts={"data": data}
    )
    assert found in ("EXDEV", "EPERM")


def test_output_belongs_to_the_caller_whatever_its_permissions_were(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import os
        os.makedirs("/output/model/deep")
        open("/output/model/deep/weights", "w").write("7")
        os.chmod("/output/model/deep/weights", 0)
        os.chmod("/output/model/deep", 0o777)
        os.chmod("/output/model", 0o500)
        """,
    )
    assert outcome.ok, outcome
    weights = output_of(tmp_path) / "model" / "deep" / "weights"
    assert weights.read_text() == "7"
    assert (weights.stat().st_mode & 0o7777, weights.stat().st_uid) == (0o644, os.geteuid())
    assert weights.parent.stat().st_mode & 0o7777 == 0o755
