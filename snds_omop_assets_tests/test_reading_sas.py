"""Reading SAS tables. Nothing free writes .sas7bdat, so a real SAS transport file is read in its place.

pyreadstat reads both kinds with the same options and gives the same frames: only its function is exchanged here.
"""

import sys
from datetime import date

import polars as pl
import pyreadstat
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception import reading
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.receive import receive
from snds_omop_assets.reception.store import Store

STAYS = pl.DataFrame(
    {
        "ETA_NUM": ["750100166", "750100166", "130780521"],
        "RSA_NUM": ["0000000001", "A000000002", "0000000003"],
        "NIR_ANO_17": ["DPXX1", "DPXX2", None],
        "NIR_RET": [0.0, 1.0, None],
        "EXE_SOI_DTD": [date(2019, 1, 31), None, date(2019, 12, 1)],
        "SOR_ANN": [2019.0, 2019.0, 2019.0],
    }
)


@pytest.fixture
def delivery(tmp_path, monkeypatch):
    """A folder with T_MCO19C.sas7bdat, whose bytes are those of a transport file."""
    (tmp_path / "delivery").mkdir()
    pyreadstat.write_xport(STAYS.to_pandas(), tmp_path / "delivery" / "T_MCO19C.sas7bdat", file_format_version=8)
    monkeypatch.setattr(pyreadstat, "read_sas7bdat", pyreadstat.read_xport)
    return tmp_path / "delivery"


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_a_sas_table_is_received_whatever_the_size_of_the_batches(delivery, tmp_path, monkeypatch, rows):
    monkeypatch.setattr(reading, "BATCH_ROWS", rows)
    store = Store(tmp_path / "warehouse")
    receipt = receive(open_delivery(delivery), "T_MCO_C", 2019, store).receipt
    assert (receipt.rows, receipt.stored, receipt.set_aside) == (3, 3, 0)
    found = pl.concat([pl.from_arrow(b) for b in store.table(official_tables()["T_MCO_C"]).batches()])
    assert found["RSA_NUM"].to_list() == ["0000000001", "A000000002", "0000000003"]
    assert found["NIR_RET"].to_list() == ["0", "1", None], "SAS holds codes as numbers"
    assert found["EXE_SOI_DTD"].to_list() == [date(2019, 1, 31), None, date(2019, 12, 1)]
    assert found["SOR_ANN"].to_list() == [2019, 2019, 2019]
    assert found["NIR_ANO_17"].to_list() == ["DPXX1", "DPXX2", None]
    assert found["source_line"].to_list() == [1, 2, 3]


def test_a_broken_sas_table_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "T_MCO19C.sas7bdat").write_bytes(b"no SAS table at all" * 100)
    with pytest.raises(DeliveryError, match=r"T_MCO19C\.sas7bdat is not a whole SAS table: ask for it again"):
        receive(open_delivery(tmp_path), "T_MCO_C", 2019, Store(tmp_path / "warehouse"))


def test_without_pyreadstat_it_is_said_what_to_install(delivery, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(DeliveryError, match=r"pip install 'snds_omop_assets\[sas\]'"):
        receive(open_delivery(delivery), "T_MCO_C", 2019, Store(tmp_path / "warehouse"))
