"""The child process: ministack behind the guard, until the parent is gone.

    python -m local.emulator_process <listening socket's file descriptor> <port>

Started by `local.emulator`, which sets the environment. Standard input is a pipe that the parent
holds: its end is the end of this process and of the functions' workers, even if the parent was
killed.
"""

import asyncio
import os
import resource
import signal
import sys
import threading

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app

from local import early_failures
from local.emulator_guard import Guard


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _config() -> Config:
    config = Config()
    config.bind = [f"fd://{sys.argv[1]}"]
    config.backlog = 1024
    config.keep_alive_timeout = 75
    # ministack has read its own level by now; the functions inherit this environment, not that
    # level.
    config.loglevel = os.environ.pop("LOG_LEVEL", "WARNING")
    config.accesslog = None
    config.h11_max_incomplete_size = 64 * 1024
    return config


def main() -> None:
    """Serves until the parent ends or says so."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _raise_file_limit()
    early_failures.install()
    guard = Guard(app, os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    asyncio.run(serve(guard, _config()))


if __name__ == "__main__":
    main()
