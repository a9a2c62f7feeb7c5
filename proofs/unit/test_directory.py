"""`people.toml`: who there is, and what is wrong with a file that cannot be used."""

from pathlib import Path

import pytest

from longrunning.people import directory
from longrunning.people.directory import PeopleError, Person, read_people

ANN = '[ann]\nname = "Ann Kovač"\nemail = "ann@example.com"\n'
BOB = '[bob]\nname = "Bob"\nemail = "bob@example.com"\niam = "assumed-role/Approvers/bob"\n'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "people.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_it_is_read_by_id(tmp_path: Path) -> None:
    assert read_people(written(tmp_path, ANN + BOB)) == {
        "ann": Person("ann", "Ann Kovač", "ann@example.com"),
        "bob": Person("bob", "Bob", "bob@example.com", "assumed-role/Approvers/bob"),
    }


def test_without_the_file_nobody_has_a_name(tmp_path: Path) -> None:
    assert read_people(tmp_path / "people.toml") == {}
    assert directory.FILE.parent.name == "python", "beside the library, in the layer"
    assert not directory.FILE.exists(), "the template comes without people"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[ann", "expected TOML"),
        ("", "expected 1 to 500 people, got 0"),
        ("ann = 1\n", "[ann]: expected a table"),
        (ANN.replace("[ann]", "[Ann]"), "[Ann]: expected an id of 1 to 32"),
        (ANN.replace("[ann]", '["a b"]'), "[a b]: expected an id"),
        (ANN.replace("[ann]", "[link]"), "and none of link, rule"),
        ('[ann]\nname = "Ann"\n', "[ann]: email: expected a line of text"),
        ('[ann]\nemail = "a@b"\n', "[ann]: name: expected a line of text"),
        (ANN + 'phone = "1"\n', "[ann]: phone: not known"),
        (ANN.replace('"Ann Kovač"', '" "'), "[ann]: name: expected a line"),
        (ANN.replace('"Ann Kovač"', '"Ann\\nBob"'), "[ann]: name: expected a line"),
        (ANN.replace('"Ann Kovač"', f'"{"x" * 201}"'), "[ann]: name: expected a line"),
        (ANN.replace('"Ann Kovač"', "7"), "[ann]: name: expected a line"),
        (ANN.replace("ann@example.com", "ann"), "[ann]: email: expected an address"),
        (ANN + BOB.replace("bob@", "ANN@"), "two people have the email ann@example.com"),
        (
            BOB + ANN + 'iam = "assumed-role/Approvers/bob"\n',
            "two people have the iam assumed-role/approvers/bob",
        ),
        (BOB + 'oidc = "s-1"\n' + ANN + 'oidc = "s-1"\n', "two people have the oidc s-1"),
        (ANN + 'oidc = ""\n', "[ann]: oidc: expected a line of text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(PeopleError) as refused:
        read_people(written(tmp_path, text))
    assert str(refused.value).startswith("people.toml: ")
    assert why in str(refused.value)


def test_a_name_is_an_id_or_an_address_in_letters_of_any_case() -> None:
    ann = Person("ann", "Ann", "Ann@example.com")
    assert all(map(ann.is_called, ["ann", "ANN", " ann ", "ann@EXAMPLE.com"]))
    assert not any(map(ann.is_called, ["", "Ann K", "bob", "ann@example.org"]))
