"""The program's side of ``forked``: it has imported a command once and forks a process for each use.

Run as a file with the socket's number, the command's path, its module and what else it will import.
Whatever it has started is killed when the test process that it belongs to is gone.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

_LONGEST_REQUEST = 1 << 16


class _Nursery:
    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._children: dict[int, socket.socket] = {}
        # A child that ends writes into this pair, by way of SIGCHLD.
        self._ended, self._ending = socket.socketpair()
        for end in (self._ended, self._ending):
            end.settimeout(0)

    def serve(self) -> bool:
        """Fork what is asked for. True in a child, which is to go on; False when all is over."""
        signal.set_wakeup_fd(self._ending.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            ready, _, _ = select.select([self._asked, self._ended], [], [])
            if self._ended in ready:
                self._ended.recv(4096)
                self._bury()
            if self._asked in ready:
                request, handed, _, _ = socket.recv_fds(self._asked, _LONGEST_REQUEST, 3)
                if not request:
                    break
                if self._fork(request, handed):
                    return True
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        return False

    def _fork(self, request: bytes, handed: list[int]) -> bool:
        output, error, status = handed
        pid = os.fork()
        if pid == 0:
            self._become(json.loads(request), output, error, status)
            return True
        os.close(output)
        os.close(error)
        self._children[pid] = socket.socket(fileno=status)
        self._tell(pid, pid)
        return False

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                self._tell(pid, os.waitstatus_to_exitcode(status))
                self._children.pop(pid).close()

    def _tell(self, pid: int, number: int) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._children[pid].send(b"%d\n" % number)

    def _become(self, request: dict[str, object], output: int, error: int, status: int) -> None:
        """Be what an interpreter that was just started for this command would be."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgid(0, 0)
        for told in (self._asked, self._ended, self._ending, *self._children.values()):
            told.close()
        os.dup2(output, 1)
        os.dup2(error, 2)
        for handed in (output, error, status):
            os.close(handed)
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        os.chdir(request["folder"])  # type: ignore[arg-type]
        sys.argv[1:] = request["arguments"]  # type: ignore[call-overload]


def _main() -> None:
    number, command, module, *more = sys.argv[1:]
    sys.argv[:] = [command]
    sys.path[0] = os.path.dirname(command)  # noqa: PTH120 - as Python itself does
    application = importlib.import_module(module).app
    for name in more:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    if _Nursery(socket.socket(fileno=int(number))).serve():
        sys.exit(application())


if __name__ == "__main__":
    _main()
