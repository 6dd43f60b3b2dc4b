"""A shell in which `lephi` costs a fork: what is imported is imported once, not for each command.

A page of commands starts dozens of processes, and each would spend seconds of processor time on
imports. The shell is started by a process that has imported the product; `lephi` is there a small
program that hands its arguments, folder, environment and streams to that process, which forks for
it and becomes `lephi` as the console script would. Everything is of the shell's process group, so
what is sent to the group reaches services that were left in the background as well.
"""

import json
import os
import select
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.support.forked_programs import imported_context

#: Connects, hands everything over, and ends as the fork has ended.
_HAND_OVER = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as way:
    way.connect(sys.argv[1])
    told = [sys.argv[2:], os.getcwd(), dict(os.environ)]
    with way.makefile("rb") as answer:
        socket.send_fds(way, [b"."], [0, 1, 2])
        way.sendall(json.dumps(told).encode() + b"\\n")
        sys.exit(int(answer.readline() or b"1"))
"""


def preloaded_shell(
    script: str, folder: Path, environment: Mapping[str, str], output: Path
) -> ForkServerProcess:
    """Run a script of bash in `folder`, with `lephi` on its path and `output` for both its streams.

    The process's pid is that of its group; its exit code is the script's. What the script has left
    running is still there afterwards.
    """
    shell = imported_context().Process(
        target=_lead, args=(script, folder, dict(environment), output)
    )
    shell.start()
    return shell


def _lead(script: str, folder: Path, environment: dict[str, str], output: Path) -> None:
    """Be the leader of the shell's session: start it, fork for its `lephi`, end when it ends."""
    os.setsid()
    way, program, programs = folder / "lephi.socket", folder / "hand-over.py", folder / "bin"
    programs.mkdir()
    program.write_text(_HAND_OVER)
    (programs / "lephi").write_text(
        f'#!/bin/sh\nexec {sys.executable} -I -S {program} {way} "$@"\n'
    )
    (programs / "lephi").chmod(0o755)
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    with socket.socket(socket.AF_UNIX) as listening, output.open("wb") as said:
        listening.bind(str(way))
        listening.listen()
        shell = subprocess.Popen(
            ("bash", "-euo", "pipefail", "-c", script),
            cwd=folder,
            env=environment,
            stdout=said,
            stderr=said,
        )
        sys.exit(_serve(listening, shell))


def _serve(listening: socket.socket, shell: subprocess.Popen[bytes]) -> int:
    """Fork for whoever connects, and tell them how it ended; how the shell has ended."""
    waiting = select.poll()
    waiting.register(listening, select.POLLIN)
    ended = os.pidfd_open(shell.pid)
    waiting.register(ended, select.POLLIN)
    asking: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready, _ in waiting.poll():
            if ready == ended:
                return shell.wait()
            if ready == listening.fileno():
                connected, _ = listening.accept()
                pid = os.fork()
                if pid == 0:
                    _become(connected)
                forked = os.pidfd_open(pid)
                waiting.register(forked, select.POLLIN)
                asking[forked] = (pid, connected)
                continue
            pid, connected = asking.pop(ready)
            waiting.unregister(ready)
            os.close(ready)
            _, status = os.waitpid(pid, 0)
            with connected:
                _answer(connected, os.waitstatus_to_exitcode(status))


def _answer(connected: socket.socket, status: int) -> None:
    try:
        connected.sendall(b"%d\n" % (status if status >= 0 else 128 - status))
    except OSError:
        return  # whoever asked has ended already


def _become(connected: socket.socket) -> None:
    """In the fork: take over streams, folder and environment, and be `lephi`; does not return."""
    status = 1
    try:
        _, streams, *_ = socket.recv_fds(connected, 1, 3)
        with connected.makefile("rb") as said:
            arguments, folder, environment = json.loads(said.readline())
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["lephi", *arguments]
        from app.cli.main import main

        main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  as the interpreter does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
