"""What a run is given."""

import os
import platform
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from local.console import LocalError

REGION = "us-east-1"
STACK_NAME = "local"
DEFAULT_PORT = 3000
ARTIFACTS_BUCKET = "artifacts"
SCRIPTED = "scripted"  # The ModelId that needs no model.
EXAMPLE_MODEL = "us.amazon.nova-lite-v1:0"
APPROVER_EMAIL = "approver@example.com"
ESCALATION_EMAIL = "escalation@example.com"
AGENTS_AT_ONCE = 4  # Each is a process of its own here, and takes its start and its memory.
# Lambda's names of the processor this machine has: the built packages must run here.
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Settings:
    """Where a run finds things and puts things.

    Attributes:
        root: The project's folder.
        state_dir: What lives as long as the run: stack.json, logs, temporary files.
        build_dir: What outlives it: the build, which is skipped when nothing changed.
        port: The front door's port.
        model_id: The template's ModelId.
        mail_from: The template's MailFrom.
        bedrock_profile: The AWS profile that calls of Bedrock are signed with; "" for none.
        passed: Variables of the shell that the agent's function gets.
        keeps: Whether the next run goes on with what this one has.
    """

    root: Path
    state_dir: Path
    build_dir: Path
    port: int
    model_id: str = SCRIPTED
    mail_from: str = ""
    bedrock_profile: str = ""
    passed: dict[str, str] = field(default_factory=dict, repr=False)
    keeps: bool = False

    @property
    def kept_dir(self) -> Path:
        """What a run leaves for the next one, where it keeps something."""
        return self.state_dir.with_name(f"{self.state_dir.name}-kept")

    @property
    def front_url(self) -> str:
        """The front door's address."""
        return f"http://localhost:{self.port}"

    @property
    def sam_python(self) -> Path:
        """The interpreter of the SAM CLI's environment."""
        return self.root / ".venv" / "sam" / "bin" / "python"

    @property
    def sam(self) -> Path:
        """The SAM CLI."""
        return self.root / ".venv" / "sam" / "bin" / "sam"

    @property
    def stack_json(self) -> Path:
        """The file that tells scripts how to reach the running stack."""
        return self.state_dir / "stack.json"

    @property
    def parameters(self) -> dict[str, str]:
        """The template's parameters, as this machine needs them."""
        return {
            "ApproverEmail": APPROVER_EMAIL,
            "ApprovalBaseUrl": self.front_url,
            "OnSilence": "escalate",  # So that everything the template can send is here to see.
            "EscalationEmail": ESCALATION_EMAIL,
            "ModelId": self.model_id,
            "MailFrom": self.mail_from,
            "MaximumConcurrency": str(AGENTS_AT_ONCE),
        }

    @property
    def runs_on(self) -> dict[str, str]:
        """What the template's mapping RunsOn says here: this Python, on this machine."""
        runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return {"Runtime": runtime, "Architecture": architecture()}


def architecture() -> str:
    """Returns Lambda's name of this machine's processor.

    Raises:
        LocalError: Lambda has no such processor.
    """
    machine = platform.machine().lower()
    if machine not in _ARCHITECTURES:
        raise LocalError(f"Lambda has no processor like this machine's ({machine}).")
    return _ARCHITECTURES[machine]


def port_from_environment(default: int = DEFAULT_PORT) -> int:
    """Returns PORT, or the default when it is not set.

    Raises:
        LocalError: PORT is no port number.
    """
    text = os.environ.get("PORT", "").strip()
    if not text:
        return default
    if not text.isdigit() or not 0 < int(text) < 65_536:
        raise LocalError(f"PORT={text} is no port number: 1 to 65535.")
    return int(text)


def mail_from_environment() -> str:
    """Returns MAIL_FROM, or "" when it is not set.

    Raises:
        LocalError: MAIL_FROM is no address.
    """
    text = os.environ.get("MAIL_FROM", "").strip()
    if text and not re.fullmatch(r"[\w.%+-]+@[\w-]+(\.[\w-]+)+", text, re.ASCII):
        raise LocalError(f"MAIL_FROM={text} is no address, such as approvals@example.com.")
    return text


def model_from_environment() -> tuple[str, str]:
    """Returns MODEL_ID, `scripted` when it is not set, and BEDROCK_PROFILE, "" when it is not.

    Raises:
        LocalError: There is a profile, and no model to call with it.
    """
    model_id = os.environ.get("MODEL_ID", "").strip() or SCRIPTED
    profile = os.environ.get("BEDROCK_PROFILE", "").strip()
    if profile and model_id == SCRIPTED:
        raise LocalError(
            f"BEDROCK_PROFILE={profile} needs MODEL_ID, too: the id of a model or of an inference "
            f"profile, such as\n  make run BEDROCK_PROFILE={profile} MODEL_ID={EXAMPLE_MODEL}"
        )
    return model_id, profile


def passed_from_environment() -> dict[str, str]:
    """Returns the variables that PASS names, by name; PASS="A B" names two.

    Raises:
        LocalError: One is not set, or is not for a function; no message holds a value.
    """
    names = os.environ.get("PASS", "").replace(",", " ").split()
    for name in names:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise LocalError(
                "PASS takes names of variables, not their values: export the variable, then for "
                "example make run PASS=ANTHROPIC_API_KEY"
            )
        if name.startswith("AWS_"):
            raise LocalError(
                f"PASS={name}: what begins with AWS_ is the emulator's here. For Bedrock give a "
                "profile: make run BEDROCK_PROFILE=name MODEL_ID=..."
            )
        if not os.environ.get(name):
            raise LocalError(
                f"PASS={name}: this shell has no such variable, or it is empty. "
                f"First: export {name}=..."
            )
    return {name: os.environ[name] for name in names}


def keep_from_environment() -> bool:
    """Returns whether KEEP asks that the next run goes on with what this one has.

    Raises:
        LocalError: KEEP is neither 1 nor 0.
    """
    text = os.environ.get("KEEP", "").strip()
    if text not in ("", "0", "1"):
        raise LocalError(f"KEEP={text} is not known: KEEP=1 keeps what a run has for the next one.")
    return text == "1"


def project_root() -> Path:
    """Returns the folder that holds template.yaml: beside this package, or that of the command.

    In a starter this package is installed, and every command is given in the project's folder.

    Raises:
        LocalError: Neither folder has one.
    """
    folders = (Path(__file__).resolve().parent.parent, Path.cwd())
    for folder in folders:
        if (folder / "template.yaml").exists():
            return folder
    raise LocalError(f"There is no template.yaml in {folders[1]}: go to the project's folder.")


def make_settings(port: int, state_dir: str | None = None) -> Settings:
    """Returns the settings of a run in this project.

    Args:
        port: The front door's port.
        state_dir: A folder of its own for a run beside the developer's, else `.local`.
    """
    root = project_root()
    model_id, bedrock_profile = model_from_environment()
    return Settings(
        root=root,
        state_dir=Path(state_dir).resolve() if state_dir else root / ".local",
        build_dir=root / ".aws-sam" / "local",
        port=port,
        model_id=model_id,
        mail_from=mail_from_environment(),
        bedrock_profile=bedrock_profile,
        passed=passed_from_environment(),
    )
