"""The documents against the code: what they link to, name, print and promise to work."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import aws_template
import example_modules
import prove_runner
from longrunning import messages
from longrunning.agent.gate import InvalidCallError, ProtectedTool
from longrunning.messages import ToolResults

ROOT = aws_template.ROOT
FOLDERS = (ROOT / "docs", ROOT / ".github")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(page for f in FOLDERS for page in f.rglob("*.md"))])
README, ARCHITECTURE = ROOT / "README.md", ROOT / "docs/architecture.md"
OPERATE, WHAT_CAN_GO_WRONG = ROOT / "docs/operate.md", ROOT / "docs/what-can-go-wrong.md"
ADAPT, DEPLOY = ROOT / "docs/adapt.md", ROOT / "docs/deploy.md"
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
PARAMETERS: dict[str, dict[str, Any]] = aws_template.load()["Parameters"]
PLACEHOLDERS = {
    "id of the session": "s-1",
    "name of the tool": "human_approval",
    "id of the tool use": "tooluse-1",
    "success|error": "success",
}


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of one language, without what they are indented by."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", document.read_text(), re.M | re.S)
    return [textwrap.dedent(block) for block in found]


def code(document: Path) -> str:
    """Everything that a document sets as code, one piece a line."""
    text = document.read_text()
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S))
    return "\n".join([*spans, *re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.M | re.S)])


def links(document: Path) -> Iterator[tuple[str, Path, str]]:
    """The text, file and anchor of every link into this repository."""
    for text, target in re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", document.read_text()):
        if not target.startswith("http"):
            path, _, anchor = target.partition("#")
            yield text, document.parent / path if path else document, anchor


@cache
def anchors(document: Path) -> set[str]:
    """What a heading is linked by, as GitHub makes it."""
    return {anchor_of(line) for line in re.findall(r"^#+ .+$", document.read_text(), re.M)}


def anchor_of(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


@cache
def defined_in(module: Path) -> set[str]:
    """The names that a module defines: functions, classes, constants, and `Class.method`."""
    names = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            names |= {
                f"{node.name}.{inner.name}"
                for inner in node.body
                if isinstance(inner, ast.FunctionDef) and isinstance(node, ast.ClassDef)
            }
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def is_of_the_gone_example(path: Path) -> bool:
    """Whether a file was one of the example, which somebody has replaced."""
    return not example_modules.IS_HERE and path.resolve() in example_modules.FILES


# --- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    for text, path, anchor in links(ROOT / name):
        if is_of_the_gone_example(path):
            continue
        assert path.exists(), f"[{text}] leads to {path}"
        if anchor:
            assert anchor in anchors(path), f"[{text}] leads to #{anchor} of {path.name}"


@pytest.mark.parametrize("name", NAMES)
def test_linked_code_is_defined_where_the_link_leads(name: str) -> None:
    for text, path, _ in links(ROOT / name):
        if is_of_the_gone_example(path):
            continue
        if path.suffix == ".py" and (span := re.fullmatch(r"`([\w.]+)`", text)):
            assert span[1] == path.name or span[1] in defined_in(path), f"{span[1]} in {path.name}"


def test_a_reader_finds_every_section_in_two_clicks() -> None:
    """README leads to every page, and the head of a page, or README, to each of its sections."""
    found = {(path.resolve(), anchor) for _, path, anchor in links(README)}
    for page in (ROOT / "docs").glob("*.md"):
        assert page in {path for path, _ in found}, f"README does not lead to {page.name}"
        head = page.read_text().partition("\n## ")[0]
        sections = re.findall(r"^## .+$", page.read_text(), re.M)
        for anchor in {anchor_of(section) for section in sections}:
            assert f"(#{anchor})" in head or (page, anchor) in found, f"{page.name}#{anchor}"


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 170


def test_the_readmes_rows_of_what_can_go_wrong_are_those_of_the_page() -> None:
    shown, rows = (
        re.findall(r"^\| .+ \| `test_\w+` \|$", document.read_text(), re.M)
        for document in (README, WHAT_CAN_GO_WRONG)
    )
    assert len(shown) == 8
    assert {*shown} <= {*rows}


def test_every_picture_is_shown_and_small() -> None:
    texts = "\n".join(document.read_text() for document in DOCUMENTS)
    for picture in (ROOT / "docs/images").iterdir():
        assert f"images/{picture.name}" in texts
        assert picture.stat().st_size < 150_000


def test_every_picture_shown_is_there_and_says_what_it_shows() -> None:
    for document in DOCUMENTS:
        shown = re.findall(r"!\[(.*?)\]\((\S+)\)", document.read_text())
        for tag in re.findall(r"<img [^>]+>", document.read_text()):
            found = (re.search(rf'{name}="([^"]+)"', tag) for name in ("alt", "src"))
            shown.append(tuple(part[1] if part else "" for part in found))
        for text, source in shown:
            assert text, f"{source} in {document.name}"
            assert (document.parent / source).exists(), f"{source} in {document.name}"


def test_every_decision_is_numbered_and_short() -> None:
    decisions = sorted((ROOT / "docs/decisions").iterdir())
    assert [path.name[:4] for path in decisions] == [f"{n + 1:04}" for n in range(len(decisions))]
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {path.name[:4]}: ")
        assert re.findall(r"^## (.+)$", text, re.M) == ["Context", "Decision", "Consequences"]
        assert len(text.splitlines()) <= 30, path.name


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [README, ARCHITECTURE], ids=lambda path: path.name)
def test_the_messages_are_those_of_the_parsers_docstring(document: Path) -> None:
    docstring = inspect.getdoc(messages) or ""
    examples = re.findall(r"^    \{.*?\}$(?=\n\n)", docstring, re.M | re.S)
    assert len(examples) == 2
    assert [b.strip() for b in blocks(document, "json")] == [
        textwrap.dedent(example) for example in examples
    ]


def test_the_messages_parse_once_they_are_filled_in() -> None:
    new, existing = blocks(README, "json")
    assert messages.parse(new) == messages.NewTask("new task description")
    for placeholder, value in PLACEHOLDERS.items():
        assert placeholder in existing
        existing = existing.replace(placeholder, value)
    parsed = messages.parse(existing)
    assert isinstance(parsed, ToolResults)
    assert (parsed.session_id, parsed.results[0]["toolUseId"]) == ("s-1", "tooluse-1")


def test_every_message_that_a_command_sends_parses() -> None:
    sent = re.findall(r"--(?:message-body|event)\s+'([^']+)'", "\n".join(map(code, DOCUMENTS)))
    assert sent
    for body in sent:
        assert messages.parse(body)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_named_exists(name: str) -> None:
    rules = [(ROOT / name).read_text() for name in ("Makefile", "starter/files/rules.mk")]
    targets = set(re.findall(r"^([a-z-]+):", "".join(rules), re.M))
    named = set(re.findall(r"(?:^|\n|`)make ([a-z-]+)", code(ROOT / name)))
    assert named <= targets


def test_the_readme_names_every_target_that_starts_something() -> None:
    named = set(re.findall(r"make ([a-z-]+)", code(README)))
    assert {"run", "test", "demo", "task", "deploy", "clean"} <= named


@pytest.mark.parametrize(("document", "most"), [(README, 6), (OPERATE, 99)], ids=["first", "all"])
def test_the_tables_of_parameters_are_the_templates(document: Path, most: int) -> None:
    """README has those to think about first, operate.md all; both in the template's order."""
    table = document.read_text().partition("| Parameter |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", table, re.M)
    assert [name for name, _ in rows] == list(PARAMETERS)[:most]
    for name, shown in rows:
        default = str(PARAMETERS[name].get("Default", ""))
        assert default == shown.strip() or default == "", name


@cache
def the_code() -> str:
    return "\n".join(
        path.read_text()
        for folder in ("src", "local", "targets", "testkit", "template.yaml", "monitoring")
        for path in [ROOT / folder, *(ROOT / folder).rglob("*")]
        if path.suffix in (".py", ".yaml")
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_code_style_is_one_of_the_code(name: str) -> None:
    own = "\n".join(block for lang in ("python", "yaml") for block in blocks(ROOT / name, lang))
    spans = re.findall(r"^(?:[A-Z][a-z]+){2,}$", code(ROOT / name), re.M)
    assert [span for span in spans if span not in the_code() + own] == []


@cache
def the_tests() -> str:
    files = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "proofs").rglob("test_*.py")]
    return "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(not example_modules.IS_HERE, reason="some of them were the example's")
def test_every_test_named_exists(name: str) -> None:
    for named in re.findall(r"`(test_\w+)`", (ROOT / name).read_text()):
        assert f"def {named}(" in the_tests(), named


def test_every_metric_is_told_and_exists() -> None:
    table = ARCHITECTURE.read_text().partition("| Metric |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", table))
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    put = set(re.findall(r'put_metric\(\s*"(\w+)"', source))
    for table_of_names in ("METRIC_NAMES = {", "METRIC_OF = {"):
        values = source.partition(table_of_names)[2].partition("}")[0]
        put |= set(re.findall(r': "(\w+)"', values))
    assert named == put


def test_the_page_on_reliability_says_whether_the_code_has_changed_since_its_table(
    tmp_path: Path,
) -> None:
    page = tmp_path / "reliability.md"
    page.write_text(prove_runner.DOCUMENT.read_text())
    prove_runner.tell_whether_stale(page)
    assert page.read_text() == prove_runner.DOCUMENT.read_text(), (
        "run: .venv/test/bin/python proofs/prove_runner.py --stale"
    )


def test_the_deployers_rights_name_every_service_of_the_template() -> None:
    kinds = {resource["Type"] for resource in aws_template.load()["Resources"].values()}
    served = {kind.rpartition("::")[0] for kind in kinds} - {"AWS::Serverless"}
    served |= {"AWS::Lambda", "AWS::ApiGatewayV2", "AWS::Scheduler"}  # what SAM makes
    rights = DEPLOY.read_text().partition("## What the deployer may do")[2]
    assert served <= set(re.findall(r"^\| `(AWS::\w+)` \|", rights, re.M))


def test_every_step_of_the_first_deployment_has_a_place_for_what_was_seen() -> None:
    text = DEPLOY.read_text()
    steps = re.findall(r"^### (\d+)\. ", text, re.M)
    table = text.partition("## What was seen")[2]
    assert sorted(set(re.findall(r"^\| (\d+) \|", table, re.M)), key=int) == steps
    assert text.count("**Settles:**") == len(steps)


# --- examples ------------------------------------------------------------------------------------


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports an example of adapt.md by its module's name."""
    for block in blocks(ADAPT, "python"):
        if title := re.match(r"# src/agent/(\w+\.py)\n", block):
            (tmp_path / title[1]).write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield import_module
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_valid_python(name: str) -> None:
    for block in blocks(ROOT / name, "python"):
        ast.parse(block)


def test_the_protected_tool_of_the_guide_fits_the_gate(example: Any) -> None:
    module: ModuleType = example("send_reply")
    reply = ProtectedTool(
        module.TOOL_SPEC, module.send_reply, module.ReplyRefusedError, content_field="text"
    )
    call = reply.call({"text": "Hello!", "ticket": 7})
    assert (call.content, call.arguments) == ("Hello!", {"ticket": 7, "closes_ticket": False})
    assert reply.content_schema == {"type": "string", "minLength": 1, "maxLength": 20_000}
    inspect.signature(module.send_reply).bind(text="", **call.arguments, idempotency_key="s/t")
    with pytest.raises(InvalidCallError):
        reply.call({"text": "Hello!", "ticket": 7, "colour": "red"})
