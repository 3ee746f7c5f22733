"""The report of an experiment, made from its records alone."""

from pgebench.report.build import build_report, build_tables, report_files

__all__ = ["build_report", "build_tables", "report_files"]
