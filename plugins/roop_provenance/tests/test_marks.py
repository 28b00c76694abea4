"""The plain marks: in every format that the host writes, by others, and in files that mean harm."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from kit import Tint, job, plugins, processor, run
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from roop_host import MediaOptions
from roop_provenance.found import Bytes
from roop_provenance.marks import HEAD, Mark, Marked, format_of, marks_in_packet, marks_of
from roop_provenance.reading import read_facts
from roop_provenance.terms import words_of
from roop_provenance.words import lines, summary
from roop_provenance.xmp import Said, Work, read_packet

EXAMPLES = Path(__file__).parents[3] / "examples" / "media"
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:p="http://ns.adobe.com/photoshop/1.0/">{}</rdf:Description></rdf:RDF></x:xmpmeta>'
)
GENERATED = XMP.format(f"<i:DigitalSourceType>{TERMS}trainedAlgorithmicMedia</i:DigitalSourceType>").encode()


def marks(content: bytes) -> Marked:
    return marks_of(Bytes(BytesIO(content)), format_of(content[:HEAD]))


def saved(kind: str, **more: object) -> bytes:
    file = BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, kind, **more)
    return file.getvalue()


def values(found: Marked, kind: str = "source type") -> list[str]:
    return [mark.value for mark in found.marks if mark.kind == kind]


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


FTYP = box(b"ftyp", b"isom\0\0\0\0isom")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tiff", ".avif", ".bmp"])
def test_what_the_host_writes_of_a_picture_is_read(suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    run(plugins(processor(Tint, "tint")), job(EXAMPLES / "collins.jpg", output, "tint"))
    facts = read_facts(output)
    assert facts.status == "marked"
    assert [mark.value for mark in facts.marks if mark.kind == "source type"] == [
        f"{TERMS}compositeWithTrainedAlgorithmicMedia"
    ]
    assert any(mark.value == "Synthetic media: made with roop (tint)" for mark in facts.marks)
    assert summary(facts).endswith(
        'a plain mark, which anyone can write or take away, says: the step "tint" ran, with "roop"'
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".gif", ".webp", ".apng"])
def test_what_the_host_writes_of_a_clip_is_read(suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((48, 64, 3), 40 * number, np.uint8)).save(folder / f"{number}.png")
    run(plugins(processor(Tint, "tint")), job(folder, output, "tint", media=MediaOptions()))
    facts = read_facts(output)
    assert {mark.value for mark in facts.marks if mark.kind == "source type"} == {
        f"{TERMS}compositeWithTrainedAlgorithmicMedia"
    }
    assert any(mark.value == "Synthetic media: made with roop (tint)" for mark in facts.marks)


def test_a_file_beside_a_kind_that_is_not_known_is_read(tmp_path: Path) -> None:
    odd = tmp_path / "out.raw"
    odd.write_bytes(b"\1\2\3 pixels")
    (tmp_path / "out.raw.xmp").write_bytes(GENERATED)
    facts = read_facts(odd)
    assert facts.kind == "file of another kind"
    assert facts.marks == (Mark("source type", f"{TERMS}trainedAlgorithmicMedia", "out.raw.xmp beside it", beside=True),)


@pytest.mark.parametrize(("kind", "more"), [("JPEG", {"xmp": GENERATED}), ("WEBP", {"xmp": GENERATED})])
def test_the_term_of_another_generator_is_read_as_an_element(kind: str, more: dict[str, object]) -> None:
    assert values(marks(saved(kind, **more))) == [f"{TERMS}trainedAlgorithmicMedia"]


def test_what_is_packed_in_a_png_is_read() -> None:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", GENERATED.decode(), zip=True)
    info.add_text("parameters", "a cat, steps: 20", zip=True)
    found = marks(saved("PNG", pnginfo=info))
    assert values(found) == [f"{TERMS}trainedAlgorithmicMedia"]
    assert values(found, "generator") == ["a cat, steps: 20"]


def test_big_endian_tiff_and_exif_are_read() -> None:
    exif = Image.Exif()
    exif[305] = "A generator"
    found = marks(saved("JPEG", exif=exif))
    assert values(found, "tool") == ["A generator"]
    entry = struct.pack(">HHII", 700, 1, len(GENERATED), 26)
    tiff = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 1) + entry + b"\0\0\0\0" + GENERATED
    assert values(marks(tiff)) == [f"{TERMS}trainedAlgorithmicMedia"]


def test_a_movies_own_tags_are_read_by_name_and_by_letters() -> None:
    key = box(b"mdta", b"Iptc4xmpExt:DigitalSourceType")
    data = box(b"data", struct.pack(">II", 1, 0), f"{TERMS}algorithmicMedia".encode())
    keys = box(b"keys", struct.pack(">II", 0, 1), key)
    hdlr = box(b"hdlr", bytes(24))
    movie = FTYP + box(b"moov", box(b"meta", hdlr, keys, box(b"ilst", box(b"\0\0\0\1", data))))
    assert values(marks(movie)) == [f"{TERMS}algorithmicMedia"]
    text = b"Synthetic media: by another"
    letters = FTYP + box(b"moov", box(b"udta", box(b"\xa9cmt", struct.pack(">HH", len(text), 0), text)))
    assert values(marks(letters), "note") == [text.decode()]


def test_chinas_label_is_read_where_others_put_it() -> None:
    content = '{"Label":"1","ContentProducer":"x"}'
    packet = XMP.format(f'<t:AIGC xmlns:t="http://www.tc260.org.cn/ns/AIGC/1.0/">{content}</t:AIGC>').encode()
    info = PngInfo()
    info.add_text("AIGC", content)
    for found in (marks(saved("JPEG", xmp=packet)), marks(saved("PNG", pnginfo=info))):
        assert values(found, "aigc") == [content]
    assert values(marks(saved("GIF", comment=b'{"AIGC": {"Label": "1"}}')), "aigc")


def test_a_credit_counts_only_where_it_speaks_of_ai() -> None:
    spoken = ("Made with Google AI", "AI", "EDITED WITH GOOGLE AI", "AI-generated", "Generative fill", "ai generated")
    others = (
        "Photo: Jane Doe",
        "Grazie ai fotografi",
        "J'ai vu / Agence",
        "GRAZIE AI FOTOGRAFI",
        "Artificial Grass Ltd",
        "J’AI VU",
    )
    for text, told in (*((text, 1) for text in spoken), *((text, 0) for text in others)):
        found = marks(saved("JPEG", xmp=XMP.format(f"<p:Credit>{text}</p:Credit>").encode()))
        assert len(values(found, "credit")) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"Synthetic media: made with roop (swapper)", 1),
        (b"My holiday. Synthetic media: made with roop (swapper)", 1),
        (b"NOT Synthetic media at all, a real photo", 0),
        (b"no synthetic media: a real photo", 0),
    ],
)
def test_a_note_counts_only_where_it_says_so(text: bytes, told: int) -> None:
    assert len(values(marks(saved("JPEG", comment=text)), "note")) == told


def more_of(packet: bytes, size: int) -> bytes:
    """Segments of a packet that is too long for one, the last first."""
    whole = struct.pack(">I", len(packet))
    pieces = [(place, packet[place : place + size]) for place in range(0, len(packet), size)]
    bodies = [
        b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + whole + struct.pack(">I", place) + piece
        for place, piece in reversed(pieces)
    ]
    return b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies)


def test_a_packet_in_several_segments_of_a_jpeg_is_read() -> None:
    whole = saved("JPEG", xmp=XMP.format("").encode())
    assert values(marks(whole[:2] + more_of(GENERATED, 100) + whole[2:])) == [f"{TERMS}trainedAlgorithmicMedia"]
    long = XMP.format(f"<a>{'x' * (2 << 20)}</a>").encode()
    assert "more parts than are looked at" in marks(whole[:2] + more_of(long, 60_000) + whole[2:]).notices[0]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- Created with Inkscape -->\n\n<svg/>', "SVG drawing"),
        (b"<!-- a comment of more than 64 bytes, as tools and lawyers write them at times -->\n<svg/>", "SVG drawing"),
        (b"<!-- a page --><html><svg/></html>", None),
        (b"\xff\xfb\x90\x64" + bytes(400), "MP3 sound"),
        ("\ufeffI am text".encode("utf-16-le"), None),
        (b"\0\0\0\x08wide\0\0\0\x10mdat" + bytes(8), "MOV video"),
        (b"\0\0\x10\0moov" + bytes(8), "MOV video"),
        (b"the free world", None),
    ],
)
def test_kinds_that_begin_in_other_ways_are_known(content: bytes, name: str | None) -> None:
    found = format_of(content)
    assert (found.name if found is not None else None) == name


def directories(packet: bytes, lengths: list[int]) -> bytes:
    """A TIFF whose directories all name the same place, with a packet of another length each."""
    start = 8 + len(packet) + len(packet) % 2
    entries = b"".join(
        struct.pack("<HHHIII", 1, 700, 1, length, 8, start + (number + 1) * 18 if number + 1 < len(lengths) else 0)
        for number, length in enumerate(lengths)
    )
    return b"II*\0" + struct.pack("<I", start) + packet.ljust(start - 8) + entries


def test_the_same_bytes_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    monkeypatch.setattr("roop_provenance.marks.read_packet", lambda packet, _: read.append(packet) or Said(()))
    length = len(GENERATED)
    assert not marks(directories(GENERATED, [length] * 50)).notices
    assert read == [GENERATED]
    read.clear()
    assert "more parts than are looked at" in marks(directories(GENERATED, [length, *range(10, length)])).notices[0]
    assert len(read) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<a/>" * 300_000,
        "<AIGC>" * 60 + "<b>x</b>" * 60_000 + "</AIGC>" * 60,
        "".join(f"<AIGC>{n}</AIGC>" for n in range(300)),
    ],
)
def test_work_on_packets_is_bounded_in_all(body: str) -> None:
    found = marks_in_packet(f"<x>{body}</x>".encode()[: 1 << 20], "XMP")
    assert found.notices[0] == "it has more parts than are looked at, so marks further back may have been missed"


def test_packets_share_one_bound() -> None:
    packet, work = f"<x>{'<a/>' * 90_000}</x>".encode(), Work()
    assert [read_packet(packet, work).end for _ in range(4)] == ["whole", "whole", "cut", "cut"]


def test_a_file_with_more_marks_than_are_kept_is_searched_to_its_end_for_credentials() -> None:
    texts = b"".join(chunk(b"tEXt", b"x\0%d" % number) for number in range(300))
    found = marks(b"\x89PNG\r\n\x1a\n" + texts + chunk(b"caBX", bytes(77)))
    assert (found.c2pa_bytes, found.cut, len(found.notices)) == (77, False, 1)
    tags = struct.pack("<HHII", 1000, 3, 1, 0) * 1500
    assert marks(b"II*\0\x08\0\0\0" + struct.pack("<H", 1500) + tags + bytes(4)).cut


def test_a_packet_in_a_kind_without_a_reader_of_its_own_is_found() -> None:
    assert values(marks(b"%PDF-1.7\n" + bytes(700_000) + GENERATED + bytes(600_000))) == [f"{TERMS}trainedAlgorithmicMedia"]


def test_entities_are_not_followed() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + GENERATED.replace(b"<rdf:RDF", b"&b;<rdf:RDF")
    found = marks_in_packet(bomb, "XMP")
    assert not found.marks
    assert "broken" in found.notices[0]


def test_of_a_broken_packet_what_stands_before_the_break_is_told() -> None:
    found = marks_in_packet(GENERATED[:-20], "XMP")
    assert values(found) == [f"{TERMS}trainedAlgorithmicMedia"]
    assert found.notices == ("XMP is broken, so that there may have been more in it",)  # what is beside is not the file's


def test_a_packet_nested_without_end_is_refused() -> None:
    assert "broken" in marks_in_packet(b"<a>" * 100_000, "XMP").notices[0]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def test_packed_texts_that_grow_without_end_are_bounded() -> None:
    bomb = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(bytes(64 << 20), 9))
    found = marks(b"\x89PNG\r\n\x1a\n" + bomb * 100)
    assert found.notices == ("it has more parts than are looked at, so marks further back may have been missed",)


def test_many_marks_are_bounded_and_one_is_of_bearable_length() -> None:
    texts = b"".join(chunk(b"tEXt", b"prompt\0%d " % number + b"x" * 5000) for number in range(1000))
    found = marks(b"\x89PNG\r\n\x1a\n" + texts)
    assert len(found.marks) == 200
    assert max(len(mark.value) for mark in found.marks) < 700
    assert found.notices


@pytest.mark.parametrize(
    "content",
    [
        b"II*\0\x08\0\0\0\0\0\x08\0\0\0",  # a directory that leads to itself
        b"GIF89a" + bytes(6) + b"\0" + b"\x21\xff",
        b"\x1aE\xdf\xa3\x01" + b"\xff" * 40,
        FTYP + struct.pack(">I4sQ", 1, b"moov", 1 << 62) + bytes(30),
        FTYP + box(b"meta", bytes(4), box(b"iloc", b"\2\0\0\0\xff\xff" + b"\xff" * 40), box(b"iinf", b"\1" + b"\xff" * 40)),
        b"RIFF\xff\xff\xff\xffWEBP" + b"XMP \xff\xff\xff\xff<",
        b"\xff\xd8\xff\xe1\xff\xff",
        b"\xff\xd8\xff\xe1\0\0\0\0",
        b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffiTXt",
    ],
)
def test_broken_structures_end(content: bytes) -> None:
    assert not marks(content).marks


def test_every_cut_and_many_changes_of_real_files_are_borne() -> None:
    random = np.random.default_rng(1)
    for whole in (saved("JPEG", xmp=GENERATED), saved("TIFF", tiffinfo={700: GENERATED}), saved("AVIF", xmp=GENERATED)):
        for end in range(0, len(whole), 7):
            marks(whole[:end])
        for _ in range(300):
            changed = bytearray(whole)
            for place in random.integers(0, len(whole), 4):
                changed[place] = random.integers(0, 256)
            marks(bytes(changed))
        assert values(marks(whole)) == [f"{TERMS}trainedAlgorithmicMedia"]


def test_a_live_webm_without_lengths_is_gone_through() -> None:
    simple = b"\x67\xc8" + bytes([0x80 | 12]) + b"\x45\xa3\x84AIGC" + b"\x44\x87\x82{}"
    tags = b"\x12\x54\xc3\x67" + bytes([0x80 | 18]) + b"\x73\x73" + bytes([0x80 | 15]) + simple
    cluster = b"\x1f\x43\xb6\x75\xff" + b"\xe7\x81\0"
    head = b"\x1aE\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7
    assert values(marks(head + cluster + cluster + tags), "aigc") == ["{}"]


def test_control_and_direction_characters_are_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "evil\x1b[2J.png"
    info = PngInfo()
    info.add_text("prompt", "a\x1b]0;title\x07\u202etxt.exe\nroop: all is well")
    path.write_bytes(saved("PNG", pnginfo=info))
    told = "\n".join(lines(read_facts(path)))
    assert not {"\x1b", "\x07", "\u202e"} & set(told)
    assert "\nroop: all is well" not in told


def test_a_term_that_nobody_knows_is_quoted() -> None:
    assert words_of("foo") == 'of a kind that is not known here ("foo")'
    assert "camera" in words_of(f"{TERMS}digitalCapture")
    assert "camera" in words_of("https://cv.iptc.org/newscodes/digitalsourcetype/digitalcapture/")
