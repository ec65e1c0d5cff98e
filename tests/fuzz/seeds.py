#!/usr/bin/env python3
"""Writes what the fuzzer starts from: small pieces of dumps and web documents, a folder for each target.

Usage: seeds.py CORPUS_DIR INPUT_DIR...      (needs nothing but Python)

Takes the files below each INPUT_DIR whose names tell what they are, such as those of `data-samples`, and
writes to CORPUS_DIR/wikitext, CORPUS_DIR/xml and so on. The bytes before a piece are the settings that the
target reads first.
"""

import bz2
import gzip
import hashlib
import html
import re
import sys
from pathlib import Path

# In the order of `fuzz_targets/sites.rs`.
LANGUAGES = ["ar", "en", "es", "ja", "ko", "pt", "th", "vi", "zh", "xx"]
# In the order of `fuzz_targets/sql.rs`.
TABLES = ["t", "page", "langlinks", "redirect", "page_props"]
MAX_BYTES = 18_000
MAX_PAGES = 40
TEXT = re.compile(r"<text[^>]*>([^<]+)</text>")


def write(folder: Path, seed: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


def pieces(text: str) -> list[bytes]:
    """Returns the beginning of a page and, of a long one, its middle and a few short parts."""
    raw = text.encode()
    found = [raw[:MAX_BYTES], raw[:1500]]
    for place in range(1, 4):
        start = len(raw) * place // 4
        if MAX_BYTES < len(raw):
            found.append(raw[start : start + 4000])
    return [it.decode(errors="ignore").encode() for it in found]


def wikitext(corpus: Path, language: int, number: int, text: str) -> None:
    for k, piece in enumerate(pieces(text)):
        write(corpus / "wikitext", bytes([language, (7 * number + 5 * k) % 32]) + piece)
        write(corpus / "wikilinks", bytes([language]) + piece)


def pages(corpus: Path, path: Path) -> None:
    packed = path.read_bytes()
    text = (bz2.decompress(packed) if path.suffix == ".bz2" else packed).decode(errors="ignore")
    code = re.match(r"[a-z]+(?=wiki)", path.name)
    known = code is not None and code[0] in LANGUAGES
    language = LANGUAGES.index(code[0]) if known else len(LANGUAGES) - 1
    for number, page in enumerate(TEXT.findall(text)[:MAX_PAGES]):
        wikitext(corpus, language, number, html.unescape(page))
    if len(packed) <= 70_000 and path.suffix == ".bz2":
        write(corpus / "xml", b"\x05" + packed)
        write(corpus / "bzip2", b"\xff" + packed)
    write(corpus / "xml", b"\x01" + text.encode()[:MAX_BYTES])
    write(corpus / "xml", b"\x01" + text.encode()[:3000])
    for k, shape in enumerate([b"\0", b"\x01\x07\xff", b"\x02\x30\x11\x60\x80", b"\x03\x02\x02\x02\x02\x02\x02"]):
        write(corpus / "bzip2", shape + text.encode()[3000 * k : 3000 * k + 3000])


def sql(corpus: Path, path: Path) -> None:
    packed = path.read_bytes()
    text = gzip.decompress(packed)
    name = path.name.removesuffix(".sql.gz").split("-")[-1]
    table = TABLES.index(name) if name in TABLES else 0
    for step in (1, 64, 255):
        write(corpus / "sql", bytes([step, table]) + text[:6000])
    if len(packed) < 4000:
        write(corpus / "sql", bytes([16, table]) + packed)


def index(corpus: Path, path: Path) -> None:
    text = bz2.decompress(path.read_bytes())
    write(corpus / "index", b"\x07" + text[:4000])
    write(corpus / "index", b"\x07" + re.sub(rb"(?m)^\d+", b"0", text)[:2000])
    half = text.splitlines(keepends=True)
    lines = [re.sub(rb"^\d+", b"0" if 2 * k < len(half) else b"14", it) for k, it in enumerate(half)]
    write(corpus / "index", b"\xff" + b"".join(lines)[:4000])
    write(corpus / "index", b"\x20" + path.read_bytes())


def documents(corpus: Path, path: Path) -> None:
    raw = path.read_bytes()
    if path.suffix == ".parquet":
        if len(raw) < 70_000:
            write(corpus / "documents", b"\x40" + raw)
        return
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    for line in text.splitlines(keepends=True)[:20]:
        if len(line) < MAX_BYTES:
            write(corpus / "documents", b"\x10" + line)
    if len(raw) < 30_000:
        write(corpus / "documents", b"\x10" + raw)
    write(corpus / "documents", b"\x01" + text[:MAX_BYTES])


def main() -> None:
    corpus = Path(sys.argv[1])
    for folder in sys.argv[2:]:
        for path in sorted(Path(folder).rglob("*")):
            name = path.name
            if name.endswith("index.txt.bz2"):
                index(corpus, path)
            elif name.endswith((".xml.bz2", ".xml")):
                pages(corpus, path)
            elif name.endswith(".sql.gz"):
                sql(corpus, path)
            elif name.endswith((".parquet", ".jsonl", ".json.gz", ".jsonl.gz", ".jsonl.zst")):
                documents(corpus, path)
            elif path.suffix == ".wiki":
                wikitext(corpus, LANGUAGES.index("en"), len(name), path.read_text())


if __name__ == "__main__":
    main()
