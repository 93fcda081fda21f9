import signal

import pytest
from driving import python, until

from shared import staging
from shared.staging import StagingError

WRITE = """
import sys
from pathlib import Path
from shared import staging
file = Path(sys.argv[1])
size = 1_000_000
while True:
    staging.write(file, b"a" * size)
    staging.write(file, b"b" * size)
"""


def test_a_batch_has_a_folder_by_run_pipeline_and_key(tmp_path):
    made = staging.folder("run/1", "complaints", "2026-01-05")

    assert made == tmp_path / "staging" / "run_1" / "complaints" / "2026-01-05"
    assert made.is_dir()


def test_a_staging_address_may_hold_blanks(configure, tmp_path):
    configure(ETL_STAGING_URL=(tmp_path / "with blank").as_uri())

    assert staging.folder("r", "p", "k") == tmp_path / "with blank" / "r" / "p" / "k"


def test_what_was_written_is_read(tmp_path):
    staging.write(tmp_path / "x.json", b"first")
    staging.write(tmp_path / "x.json", b"second")

    assert staging.read(tmp_path / "x.json") == b"second"
    assert [file.name for file in tmp_path.glob(".x*")] == []


def test_a_reader_sees_whole_files_only_and_a_killed_writer_leaves_one(tmp_path):
    file = tmp_path / "x.json"
    process = python(WRITE, str(file))
    until(file.exists)
    seen = [file.read_bytes() for _ in range(50)]
    process.kill()

    assert process.wait() == -signal.SIGKILL
    for content in (*seen, file.read_bytes()):
        assert content in (b"a" * 1_000_000, b"b" * 1_000_000)


def test_a_file_that_is_missing_says_that_a_step_has_not_run(tmp_path):
    with pytest.raises(StagingError, match="x.json is missing: the step before has not finished"):
        staging.read(tmp_path / "x.json")


def test_pages_come_in_order(tmp_path):
    for number in (10, 2, 1, *range(3, 10)):
        staging.write(staging.page(tmp_path, number), b"")

    assert staging.pages(tmp_path) == [staging.page(tmp_path, n) for n in range(1, 11)]


def test_the_part_of_a_page_that_a_killed_writer_left_is_no_page(tmp_path):
    staging.write(staging.page(tmp_path, 1), b"")
    (tmp_path / ".page-000002.json.123").touch()

    assert staging.pages(tmp_path) == [staging.page(tmp_path, 1)]


def test_a_missing_page_is_named(tmp_path):
    for number in (1, 3):
        staging.write(staging.page(tmp_path, number), b"")

    with pytest.raises(StagingError, match="has no page 2"):
        staging.pages(tmp_path)


def test_a_digest_tells_one_content_from_another():
    assert staging.digest(b"a") == staging.digest(b"a") != staging.digest(b"b")
    assert len(staging.digest(b"")) == 64
