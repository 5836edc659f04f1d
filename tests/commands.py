"""Type commands as a user does. Each runs in a process of its own, with its own files and folder.

Importing PyTorch takes seconds, so commands are forked from a process that has imported everything
and has done nothing else; the program of that process is this file.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock

LIBRARIES = ("torch", "sacrebleu", "sacremoses", "sentencex")
ROOMS = ("regard.cli", "regard.data", "regard.training", "regard.experiment", "regard.alignment")
"""Those that do not need ONNX Runtime, whose threads would be missing after a fork."""
MAX_BYTES = 1 << 20
"""Of the words, the folder and the environment of a command."""
ASKING = Lock()


def typed(*words, given="", cwd=None, **surroundings):
    """What the command answers to standard input `given`; with other variables of the environment
    it is started anew, since some are read when a library is imported."""
    if surroundings:
        return subprocess.run(
            [sys.executable, "-m", "regard", *map(str, words)], input=given.encode(),
            capture_output=True, check=False, cwd=cwd, env={**os.environ, **surroundings},
        )  # fmt: skip
    return forked(["regard", *map(str, words)], given, cwd)


def run_script(path, *words):
    """The same of a program, such as a recipe, that is a file."""
    return forked([str(path), *map(str, words)], "", None)


def forked(words, given, cwd):
    """The first word is `regard`, or a script's path."""
    if not hasattr(os, "fork"):
        program = ["-m", *words] if words[0] == "regard" else words
        return subprocess.run(
            [sys.executable, *program], input=given.encode(), capture_output=True, check=False,
            cwd=cwd,
        )  # fmt: skip
    (theirs, given_to), (output, to_output), (errors, to_errors) = os.pipe(), os.pipe(), os.pipe()
    asked = {"words": words, "cwd": str(cwd or os.getcwd()), "environment": dict(os.environ)}
    with ThreadPoolExecutor(3) as threads, ASKING:
        socket.send_fds(ready(), [json.dumps(asked).encode()], [theirs, to_output, to_errors])
        for inherited in (theirs, to_output, to_errors):
            os.close(inherited)
        threads.submit(write, given_to, given.encode())
        both = [threads.submit(read, end) for end in (output, errors)]
        status = int(ready().recv(MAX_BYTES))
    return subprocess.CompletedProcess(words, status, *(one.result() for one in both))


def write(pipe, content):
    with open(pipe, "wb") as file:
        try:
            file.write(content)
        except BrokenPipeError:
            return  # the command did not read all of it


def read(pipe):
    with open(pipe, "rb") as file:
        return file.read()


@cache
def ready():
    """The connection to the process that forks."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
    )  # fmt: skip
    theirs.close()

    def end():
        ours.close()
        process.communicate()

    atexit.register(end)
    return ours


def import_all():
    """The modules that most commands need."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for package in ROOMS:
        for module in pkgutil.iter_modules(
            importlib.import_module(package).__path__, f"{package}."
        ):
            importlib.import_module(module.name)
    assert "onnxruntime" not in sys.modules


def fork_commands(connection):
    """Fork at each request, and answer with the exit status; return in each forked process, and
    when the other side is gone. Returns the words of the command, if there is one."""
    while True:
        message, files, *_ = socket.recv_fds(connection, MAX_BYTES, 3)
        if not message:
            return []
        if process := os.fork():
            for file in files:
                os.close(file)
            status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            connection.send(str(status).encode())
            continue
        connection.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        asked = json.loads(message)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        return asked["words"]


if __name__ == "__main__":
    import_all()
    gc.freeze()
    if words := fork_commands(socket.socket(fileno=int(sys.argv[1]))):
        sys.argv = words
        if words[0] == "regard":
            sys.path[0] = os.getcwd()
            runpy.run_module("regard", run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = os.path.dirname(words[0])
            runpy.run_path(words[0], run_name="__main__")
