"""Tests of snds_omop_assets. All persons are invented."""
