"""Becomes the embedded PostgreSQL: drops to its OS user, ties its life to ours, and execs it.

Run by `app.embedded.supervisor` as a program of its own, standard library only. It exists because
the order matters: the kernel forgets the death signal when the user changes, so the signal must be
asked for afterwards, and by the process that is going to be the server.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by `program arguments…`; `uid` and `gid` of -1 keep the user.

    `supervisor` is the process whose death the server must not survive. Never returns; a refusal
    by the system ends with a line on standard error and exit status 1.
    """
    uid, gid, supervisor = (int(text) for text in arguments[:3])
    program = arguments[3:]
    try:
        if uid != -1:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        libc = ctypes.CDLL(None, use_errno=True)
        # SIGINT is PostgreSQL's fast shutdown: sessions are cut, everything is written down.
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
        if os.getppid() != supervisor:
            sys.exit("the supervisor ended before the server began")
        os.execv(program[0], program)  # noqa: S606  # no shell is the point
    except OSError as error:
        sys.exit(f"the server could not be started as uid {os.geteuid()}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
