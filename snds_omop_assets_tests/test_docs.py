"""The documents are true where a test can tell: their links lead somewhere."""

import re

import pytest

from snds_omop_assets.settings import PROJECT
from snds_omop_assets_tests import synthetic_page

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


def test_the_tables_of_the_generator_are_those_of_its_code():
    text = synthetic_page.PAGE.read_text(encoding="utf-8")
    assert synthetic_page.page(text) == text, "run python -m snds_omop_assets_tests.synthetic_page"
