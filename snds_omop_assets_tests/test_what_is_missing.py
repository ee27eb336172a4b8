"""An asset that lacks what it is made of says so in one sentence, and writes nothing that looks like an answer."""

import dagster as dg
import pytest

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.settings import Settings


def failure_of(settings: Settings, asset: str) -> str:
    """Why an asset that is materialized alone fails."""
    definitions = build_defs(settings)
    job = dg.define_asset_job("one", dg.AssetSelection.assets(asset).without_checks())
    result = job.resolve(asset_graph=definitions.resolve_asset_graph()).execute_in_process(
        resources=definitions.resources, instance=dg.DagsterInstance.ephemeral(), raise_on_error=False
    )
    (event,) = [event for event in result.all_events if event.is_step_failure]
    said = event.step_failure_data.user_failure_data
    assert said is not None, "an error of ours, not a stack trace"
    return str(said.description)


@pytest.mark.parametrize(
    ("asset", "sentence"),
    [
        ("prepared/claims", "prepared/claims needs ER_PRS_F, which is not in the warehouse"),
        ("prepared/person_identities", "prepared/person_identities needs IR_BEN_R, which is not in the warehouse"),
        ("prepared/beneficiaries", "prepared/person_identities needs IR_BEN_R, which is not in the warehouse"),
        ("prepared/establishments", "prepared/establishments needs T_MCO_E, which is not in the warehouse"),
        ("omop/visit_occurrence", "prepared/person_identities has not been materialized in this warehouse"),
        ("omop/death", "prepared/person_identities has not been materialized in this warehouse"),
    ],
)
def test_an_asset_says_what_it_lacks_and_writes_nothing(settings: Settings, asset: str, sentence: str) -> None:
    assert failure_of(settings, asset).startswith(sentence)
    written = [path for path in settings.warehouse.rglob("*") if path.is_file()]
    assert written == []
