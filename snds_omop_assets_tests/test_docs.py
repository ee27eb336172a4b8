"""The documents are true where a test can tell: their links lead somewhere."""

import re

import pytest

from snds_omop_assets.settings import PROJECT

DOCUMENTS = [path for path in PROJECT.rglob("*.md") if not {".venv", ".dagster", "warehouse"} & set(path.parts)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_project_leads_to_a_file(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_files_named_in_comments_of_the_code_exist():
    for path in [*PROJECT.glob("snds_omop_assets/**/*.py"), *PROJECT.glob("snds_omop_assets/**/*.sql")]:
        for named in re.findall(r"\bdocs/[\w/]+\.md", path.read_text(encoding="utf-8")):
            assert (PROJECT / named).exists(), f"{path.name} names {named}"
