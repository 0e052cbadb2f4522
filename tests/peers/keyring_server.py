"""A D-Bus session bus with GNOME Keyring on it, for tests: unlocked, empty, in a folder of its own.

Standard input: {"programs": {"dbus-daemon": PATH, "gnome-keyring-daemon": PATH}, "libraries": PATH or ""}, then nothing.
Standard output: {"address": BUS, "folder": PATH, "pid": P}, P being the keyring's, when both run.
It ends when standard input does, takes both with it, and removes what it wrote.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE_SECONDS = 60
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={bus}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""


def die_with_parent():
    """Linux stops the children when this script is killed; elsewhere only the end of stdin does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start(arguments, environment, **more):
    return subprocess.Popen(
        arguments, env=environment, cwd="/", stdout=subprocess.DEVNULL, preexec_fn=die_with_parent, **more
    )


def wait_for(path, child):
    until = time.monotonic() + DEADLINE_SECONDS
    while not path.exists():
        if child.poll() is not None or time.monotonic() > until:
            sys.exit(f"{child.args[0]} did not come up")
        time.sleep(0.01)


def main():
    wanted = json.loads(sys.stdin.readline())
    home = pathlib.Path(tempfile.mkdtemp(prefix="keyring-"))
    children = []
    try:
        bus = home / "bus"
        (home / "bus.conf").write_text(CONFIG.format(bus=bus))
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "LC_ALL": "C",
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_RUNTIME_DIR": str(home),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}",
        }
        if wanted["libraries"]:
            environment["LD_LIBRARY_PATH"] = wanted["libraries"]
        programs = wanted["programs"]
        arguments = [programs["dbus-daemon"], f"--config-file={home / 'bus.conf'}", "--nofork", "--nopidfile"]
        children.append(start(arguments, environment, stdin=subprocess.DEVNULL))
        wait_for(bus, children[0])
        arguments = [programs["gnome-keyring-daemon"], "--unlock", "--foreground", "--components=secrets"]
        children.append(start(arguments, environment, stdin=subprocess.PIPE))
        children[1].stdin.write(b"for tests only")
        children[1].stdin.close()
        wait_for(home / "data/keyrings/login.keyring", children[1])
        print(json.dumps({"address": f"unix:path={bus}", "folder": str(home), "pid": children[1].pid}), flush=True)
        for line in sys.stdin:
            print(json.dumps({"mark": True}), flush=True)
    finally:
        for child in reversed(children):
            # A stopped one hears nothing else.
            child.kill()
            child.wait()
        shutil.rmtree(home, ignore_errors=True)


main()
