"""Paths → streams: folders, archives, byte order marks, traps."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from metrics.formats.archives import MAX_MEMBERS
from metrics.formats.errors import BrokenOffError, Unreadable
from metrics.formats.records import Broken, records
from metrics.formats.sources import Source, expand, sources
from tests.metrics.formats.made import dumped, lines, user_day


def gzipped(content: bytes, level: int = 9) -> bytes:
    """Packed without the time of packing: the names of tests are made of it."""
    return gzip.compress(content, level, mtime=0)


TEXT = lines([user_day(user_id=number) for number in range(1, 400)])


def written(folder: Path, content: bytes) -> Path:
    path = folder / "export"
    path.write_bytes(content)
    return path


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    return archive.getvalue()


def read(source: Source) -> bytes:
    with source.open() as stream:
        return stream.read()


def refusal(path: Path, max_bytes: int = 10**12) -> str:
    with pytest.raises(Unreadable) as found:
        read_all(path, max_bytes)
    return str(found.value)


def read_all(path: Path, max_bytes: int) -> None:
    for source in sources(path, max_bytes):
        with source.open() as stream:
            while stream.read(1024 * 1024):
                pass


def test_folders_are_walked_in_order_without_what_systems_hide(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/1.json", "a.json", ".hidden", "__MACOSX/a.json", "b/.DS_Store", "b/.git/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    named = tmp_path / ".hidden"
    assert expand([tmp_path, named]) == [
        tmp_path / "a.json",
        tmp_path / "b/1.json",
        tmp_path / "b/2.json",
        named,
    ]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_plain_file_is_itself_without_its_mark(tmp_path: Path, mark: bytes) -> None:
    (source,) = sources(written(tmp_path, mark + TEXT))
    assert (source.member, read(source), read(source)) == ("", TEXT, TEXT)


@pytest.mark.parametrize(
    "content",
    [
        gzipped(TEXT),
        gzipped(b"\xef\xbb\xbf" + TEXT),
        gzipped(gzipped(TEXT)),
        zipped({"a.json": TEXT}),
        zipped({"a.json": b"\xef\xbb\xbf" + TEXT, "__MACOSX/._a.json": b"x", ".DS_Store": b"x"}),
        zipped({"a.json": TEXT}, zipfile.ZIP_STORED),
        zipped({"a.json": TEXT}, zipfile.ZIP_BZIP2),
        zipped({"a.json": TEXT}, zipfile.ZIP_LZMA),
        zipped({"a.gz": gzipped(TEXT)}),
    ],
)
def test_an_archive_of_one_file_is_that_file(tmp_path: Path, content: bytes) -> None:
    (source,) = sources(written(tmp_path, content))
    assert (source.member, read(source), read(source)) == ("", TEXT, TEXT)


def test_an_archive_of_several_files_names_them(tmp_path: Path) -> None:
    content = zipped({"day/1.json": b"1", "day/2.json.gz": gzipped(b"2"), "day/": b""})
    found = list(sources(written(tmp_path, content)))
    assert [(source.member, read(source)) for source in found] == [
        ("day/1.json", b"1"),
        ("day/2.json.gz", b"2"),
    ]


def test_one_bad_file_in_an_archive_leaves_the_others_readable(tmp_path: Path) -> None:
    good, bad = sources(written(tmp_path, zipped({"1": TEXT, "2": zipped({"a": b"1"})})))
    assert read(good) == TEXT
    with pytest.raises(Unreadable, match="zip archive within another"):
        bad.open()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_text_of_wide_characters_is_read_as_utf_8_and_said_to_be(tmp_path: Path, encoding: str) -> None:
    text = '{"name": "Größe 𝄞"}\r\n' * 50_000
    content = ("\ufeff" + text if encoding == "utf-32-be" else text).encode(encoding)
    [source] = sources(written(tmp_path, content))
    assert read(source) == text.encode()
    assert source.notes == (f"It is saved as {encoding[:6].upper()}, and was read so.",)
    assert source.plain is None


def test_text_of_wide_characters_may_be_cut_short_or_go_wrong(tmp_path: Path) -> None:
    text = '{"a": 1}\n'.encode("utf-16")
    [source] = sources(written(tmp_path, text[:-1]))
    stream = source.open()
    assert stream.read1(100) == b'{"a": 1}'  # type: ignore[attr-defined]
    with pytest.raises(BrokenOffError):
        stream.read1(100)  # type: ignore[attr-defined]
    [source] = sources(written(tmp_path, "[]".encode("utf-32") + b"\xff" * 8))
    with pytest.raises(Unreadable, match="begins as UTF-32 and does not go on so"):
        read(source)


def test_what_systems_leave_in_an_archive_is_passed_over_with_a_word(tmp_path: Path) -> None:
    content = zipped({"a/.DS_Store": b"\0", "__MACOSX/a/._1": b"\0", "a/1": b"1", "a/2": b"2"})
    first, second = sources(written(tmp_path, content))
    assert first.notes == ("Passed over 2 files that systems leave beside others (.DS_Store, ._1).",)
    assert second.notes == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "The file is empty"),
        (zipped({}), "The zip archive is empty"),
        (zipped({"[Content_Types].xml": b"x", "xl/workbook.xml": b"x"}), "Excel workbook"),
        (zipped({"a.zip": zipped({"a": b"1"})}), "zip archive within another"),
        (gzipped(gzipped(gzipped(b"1"))), "archives within archives"),
        (zipped({"a": TEXT})[:-40], "damaged or cut short"),
        (b"\x1f\x8b\x08junk and more junk", "damaged or cut short"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in refusal(written(tmp_path, content))


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path) -> None:
    content = zipped({str(number): b"" for number in range(MAX_MEMBERS + 1)}, zipfile.ZIP_STORED)
    assert "more than 10,000 files" in refusal(written(tmp_path, content))


def test_a_locked_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a": TEXT}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    assert "locked with a password" in refusal(written(tmp_path, bytes(content)))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == "There is no such file."
    assert refusal(tmp_path).startswith("The file cannot be read")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    path.chmod(0)
    assert refusal(path).startswith("The file cannot be read")


BOMB = b"\0" * (100 * 1024 * 1024)


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        lambda content: zipped({"a": content}),
        lambda content: zipped({"a": gzipped(content)}),
    ],
)
def test_a_bomb_is_refused_with_little_memory(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = written(tmp_path, pack(BOMB))
    tracemalloc.start()
    try:
        assert "over 250 times its size" in refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * 1024 * 1024


def test_an_archive_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    for content in (gzipped(TEXT, 0), zipped({"a": TEXT})):
        assert "in smaller parts" in refusal(written(tmp_path, content), max_bytes=100_000)


def test_a_small_archive_may_shrink_as_much_as_it_likes(tmp_path: Path) -> None:
    content = b" " * (10 * 1024 * 1024) + dumped({})
    (source,) = sources(written(tmp_path, gzipped(content)))
    assert read(source) == content


@pytest.mark.parametrize("lost", [4, 200, 3000])
def test_what_came_before_an_archive_breaks_off_is_read(tmp_path: Path, lost: int) -> None:
    whole = TEXT.splitlines()
    (source,) = sources(written(tmp_path, gzipped(TEXT)[:-lost]))
    *good, last = records(source.open)
    assert [item.raw for item in good] == whole[: len(good)]
    assert isinstance(last, Broken)
    assert last.reason.startswith("the file breaks off")
    assert len(good) > 100 or lost > 200
