"""Faults that real deliveries have, done on purpose to a synthetic one: reception must find each of them.

A fault works on the files of a delivery as the generator writes them: CSV (semicolons, UTF-8, Unix line ends) or
Parquet. It concerns the first year of a table unless it says otherwise, and whole files are read and written in
pieces, so that a file of 10 GB is spoilt in bounded memory. The same delivery is always spoilt in the same bytes.

`FAULTS` is the list; `spoil` does one of them.
"""

from snds_omop_assets.synthetic.faults.kinds import REFUSED, RESERVES, UNCLAIMED, UNUSABLE, Fault
from snds_omop_assets.synthetic.faults.known import FAULTS, fault, spoil

__all__ = ["FAULTS", "REFUSED", "RESERVES", "UNCLAIMED", "UNUSABLE", "Fault", "fault", "spoil"]
