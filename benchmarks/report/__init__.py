"""The report: one page and one Markdown file, made from the results of a folder alone."""

from benchmarks.report.page import build

__all__ = ["build"]
