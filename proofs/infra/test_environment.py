"""The tests run alike, whatever the shell that starts them has exported."""

import os
import subprocess
import sys

from sam_clone import ROOT

NOWHERE = "http://127.0.0.1:9"

HOSTILE = {
    "PORT": "3999",
    "TASK": "$(HOME) is not for the shell",
    "MODEL_ID": "amazon.nova-lite-v1:0",
    "BEDROCK_PROFILE": "nobody",
    "PASS": "NOTHING",
    "MAIL_FROM": "somebody@example.com",
    "STACK": "production",
    "ROWS": "links",
    "NAMES": "scale",
    "DRY_RUN": "1",
    "REJECTED": "1",
    "RESEND": "1",
    "MAKEFLAGS": "-n",
    "PYTHON": sys.executable,
    "AWS_PROFILE": "nobody",
    "AWS_REGION": "nowhere-1",
    "AWS_DEFAULT_REGION": "nowhere-1",
    "AWS_ACCESS_KEY_ID": "AKIANOBODY",
    "AWS_ENDPOINT_URL": NOWHERE,
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
    "LOG_LEVEL": "ERROR",
    "HTTP_PROXY": NOWHERE,
    "http_proxy": NOWHERE,
    "ALL_PROXY": NOWHERE,
    "LANG": "C",
    "LC_ALL": "C",
    "TZ": "Pacific/Kiritimati",
    "PYTHONDONTWRITEBYTECODE": "1",
    "FORCE_COLOR": "1",
}

SAMPLE = (
    "proofs/infra/test_make.py",
    "tests/example/test_agent_definition.py",
    "proofs/unit/test_local_parts.py",
    "proofs/unit/test_operate_commands.py::test_every_page_of_a_table_is_counted",
    "tests/example/test_publish_post.py",
    "proofs/infra/test_tracing.py",
    "tests/flow/test_walkthrough.py",
)


def test_a_sample_passes_in_a_hostile_environment() -> None:
    kept = {n: value for n, value in os.environ.items() if n not in ("NO_PROXY", "no_proxy")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SAMPLE],
        cwd=ROOT,
        env=kept | HOSTILE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
