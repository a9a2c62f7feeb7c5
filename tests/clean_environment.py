"""What the tests keep of the shell that starts them: nothing that changes what they find.

People export a PORT, an AWS_PROFILE, a proxy or LANG=C. The tests, and every process that they
start, must run alike all the same. What is named here is taken away or set; all else stays, such as
what uv needs to reach its packages.
"""

import gc
import os
import time

PREFIXES = ("AWS_", "LC_")
NAMES = (
    *("PORT", "TASK", "MODEL_ID", "BEDROCK_PROFILE", "PASS"),  # make run, demo, task
    *("STACK", "ACCEPTED", "DRY_RUN", "MOST", "REJECTED", "RESEND"),  # make ledger, redrive
    *("LIMIT_SECONDS", "SMOKE_TASK", "YES"),  # make smoke
    *("ROWS", "NAMES"),  # make prove, bench
    "PYTHON",  # every command: what it is set up with
    *("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"),
    *("LOG_LEVEL", "METRICS_NAMESPACE", "PUBLISH_TOKEN_SECRET_ARN", "PACKAGE_FOR"),
    *("LAMBDA_TASK_ROOT", "_X_AMZN_TRACE_ID"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONOPTIMIZE", "PYTHONWARNINGS"),
    *("PYTEST_ADDOPTS", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "COLUMNS", "CDPATH"),
)
LOOPBACK = "localhost,127.0.0.1,::1"
SET = {
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    # Not only the shell's account: no profile of this machine is looked at, and no instance's role.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def clean() -> None:
    """Cleans the environment of this process, and so of those that it starts."""
    for name in [name for name in os.environ if name in NAMES or name.startswith(PREFIXES)]:
        del os.environ[name]
    os.environ.update(SET)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), LOOPBACK]))
    time.tzset()


def keep_what_is_imported() -> None:
    """Takes what is there, once all tests are found, out of the sight of the garbage collector.

    It would look through a million objects of libraries and test items again and again. What a
    test leaves behind is still found, as before, at the latest when pytest ends.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20)
