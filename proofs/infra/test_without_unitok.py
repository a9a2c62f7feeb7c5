"""The example's receiver, removed as docs/adapt.md says: what is left is a template of its own."""

import re
import shutil
from pathlib import Path

from sam_clone import make_clone, run_sam


def test_without_the_examples_receiver_the_template_lints_and_builds(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    file = clone / "template.yaml"
    text = file.read_text()
    for found, left in (
        (r"  # UniTok, the example's(?:.*\n)+?(?=  # ── sweep)", ""),
        (r"!If \[UseUniTok, !GetAtt UniTok.Outputs.Url, !Ref PublishEndpoint\]",
         "!Ref PublishEndpoint"),
        (r'!If \[UseUniTok, !GetAtt UniTok.Outputs.Function, ""\]', '""'),
        (r"  FeedUrl:\n(?:    .*\n)+", ""),
        (r"  UseUniTok: .*\n", ""),
    ):  # fmt: skip
        text, count = re.subn(found, left, text)
        assert count == 1, found
    file.write_text(text)
    shutil.rmtree(clone / "src/unitok")
    assert "is a valid SAM Template" in run_sam(clone, "validate", "--lint").stdout
    run_sam(clone, "build", "SweeperFunction")
