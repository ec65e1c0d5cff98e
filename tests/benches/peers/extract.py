#!/usr/bin/env python3
"""Measures `crossic extract` beside wikiextractor, the mwparserfromhell route and wikrs, on the same pages.

The route is that of the script behind `wikimedia/wikipedia`: of each section file links, footnotes and tables
go, `strip_code` does the rest, and sections are joined by blank lines.
Printed are processor seconds from a copy of the articles (bzip2) to the text, the markup that is left in 1,000 articles, the characters
of text, and how many of wikiextractor's sentences each of the others has as well, white space and quotation marks
apart: as they are, or with more in them, where wikiextractor lost what a template shows. Sentences in which
something visibly fell out count for nobody: they are known by brackets and separators that enclose nothing.

Usage: extract.py CROSSIC FILE.xml.bz2 --lang ja [--show 10] [--wikrs PROGRAM]
(needs wikiextractor 3.1.0 and mwparserfromhell; `cargo install wikrs` gives the program; no network)
"""

import argparse
import bz2
import html
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import mwparserfromhell

MIN_LETTERS = 12
ENDS = re.compile(r"[.!?。！？؟।\n]+")
HOLE = re.compile(r"[(（\[]\s*[,;:.、，；：)）\]]|[,;:、，；]\s*[)）]|[,;、，；]\s*[,;、，；.]|\s[,;.]|&lt;|<")
LEFT_OUT = re.compile(r"[\s\"'“”‘’«»„`\u00ad\u200b\u200e\u200f]+")
RESIDUE = {
    "brackets": re.compile(r"\[\[|\]\]"),
    "braces": re.compile(r"\{\{|\}\}|\{\||\|\}"),
    "quotes": re.compile(r"''+"),
    "tags": re.compile(r"</?(?:ref|br|div|span|small|sup|sub|gallery|math|table|center|nowiki)\b[^<>]*>", re.I),
    "parentheses": re.compile(r"[(（]\s*[,;:、，；：)）]|[,;:、，；：]\s*[)）]"),
}


def timed(command: list[str], **keywords) -> tuple[float, subprocess.CompletedProcess]:
    """Runs a command; returns its processor seconds with those of its children, and what it did."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, **keywords)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


def by_crossic(binary: str, file: Path, lang: str) -> tuple[float, dict[int, str]]:
    """Extracts on one thread, with headings and sections that wikiextractor keeps too."""
    command = [binary, "-q", "extract", str(file), "--jobs", "1", "--headings", "keep", "--boilerplate"]
    seconds, done = timed(command + ["--lang", lang], stdout=subprocess.PIPE)
    rows = map(json.loads, done.stdout.decode().splitlines())
    return seconds, {row["id"]: row["text"] for row in rows}


def by_wikiextractor(file: Path) -> tuple[float, dict[int, str]]:
    """Extracts with one process that cleans; templates are not expanded, as no dump of one wiki's articles has them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "wikiextractor.WikiExtractor", str(file), "--json", "--no-templates"]
        seconds, _ = timed(command + ["-q", "--processes", "1", "-o", folder], stderr=subprocess.DEVNULL)
        lines = [line for path in sorted(Path(folder).glob("*/*")) for line in path.read_text().splitlines()]
    rows = map(json.loads, lines)
    return seconds, {int(row["id"]): html.unescape(row["text"]) for row in rows}


def pages(file: Path):
    """Yields id, title and wikitext of the articles of a dump."""
    opened = bz2.open(file) if file.suffix == ".bz2" else file.open("rb")
    with opened as stream:
        for _, element in ElementTree.iterparse(stream):
            if element.tag.rpartition("}")[2] != "page":
                continue
            parts = {child.tag.rpartition("}")[2]: child for child in element}
            revision = {child.tag.rpartition("}")[2]: child for child in parts.get("revision", [])}
            if parts["ns"].text == "0" and "redirect" not in parts and "text" in revision:
                yield int(parts["id"].text), parts["title"].text, revision["text"].text or ""
            element.clear()


def copy(file: Path, to: Path, lang: str) -> None:
    """Writes the articles of a dump as a file that all can read, however the dump is laid out."""
    with bz2.open(to, "wt", encoding="utf-8") as out:
        out.write(f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="{lang}">\n')
        out.write("  <siteinfo>\n    <sitename>Wikipedia</sitename>\n")
        out.write(f"    <base>https://{lang}.wikipedia.org/wiki/Main</base>\n")
        out.write('    <namespaces>\n      <namespace key="0" case="first-letter" />\n')
        # Without the name of this namespace, wikiextractor takes every page for a template.
        out.write('      <namespace key="10" case="first-letter">Template</namespace>\n')
        out.write('    </namespaces>\n  </siteinfo>\n')
        for page, title, wikitext in pages(file):
            out.write(f"  <page>\n    <title>{html.escape(title, quote=False)}</title>\n    <ns>0</ns>\n")
            out.write(f"    <id>{page}</id>\n    <revision>\n      <id>{page}</id>\n      <model>wikitext</model>\n")
            out.write(f'      <text xml:space="preserve">{html.escape(wikitext)}</text>\n')
            out.write("    </revision>\n  </page>\n")
        out.write("</mediawiki>\n")


def strip(wikitext: str) -> str:
    """Returns the text of a page as the route has it."""
    sections = []
    for section in mwparserfromhell.parse(wikitext).get_sections(flat=True, include_lead=True, include_headings=True):
        unwanted = [
            link for link in section.ifilter_wikilinks(recursive=True)
            if re.match(r"(?i)\s*(file|image|media|ファイル|画像|ไฟล์|ภาพ|ملف|صورة|파일|그림)\s*:", str(link.title))
        ]
        unwanted += section.filter_tags(matches=lambda tag: str(tag.tag).lower() in ("ref", "table"))
        for node in unwanted:
            try:
                section.remove(node)
            except ValueError:
                pass  # It went with what held it.
        sections.append(section.strip_code().strip())
    return re.sub(r"__[A-Z]+__", "", "\n\n".join(sections))


def by_mwparserfromhell(file: Path) -> tuple[float, dict[int, str]]:
    """Strips every article in this process."""
    start = time.process_time()
    texts = {page: strip(wikitext) for page, _, wikitext in pages(file)}
    return time.process_time() - start, texts


def by_wikrs(program: str, file: Path) -> tuple[float, dict[int, str]]:
    """Extracts with the default engine of wikrs, which knows articles by their titles."""
    ids = {title: page for page, title, _ in pages(file)}
    seconds, done = timed([program, "--input", str(file), "--format", "jsonl"], stdout=subprocess.PIPE)
    rows = map(json.loads, done.stdout.decode().splitlines())
    return seconds, {ids[row["title"]]: row["text"] for row in rows if row["title"] in ids}


def plain(text: str) -> str:
    """Returns a text without white space, quotation marks and the looks of its digits."""
    return LEFT_OUT.sub("", unicodedata.normalize("NFKC", text))


def sentences(text: str) -> list[str]:
    """Returns the sentences of a text that are long enough to be told apart, and whole."""
    found = [part.lstrip(" *#:;-") for part in ENDS.split(text) if not HOLE.search(part)]
    return [part for part in found if MIN_LETTERS <= sum(letter.isalpha() for letter in part)]


def is_within(sentence: str, text: str) -> bool:
    """Returns whether a text has a sentence with more in it: up to eight times at most 80 characters.

    What comes before the first of these may be as short as two characters.
    """
    return any(goes_on(sentence[skipped:], text) for skipped in (0, 2, 4, 7))


def goes_on(sentence: str, text: str) -> bool:
    """Returns whether a text has a sentence whose first characters stand together, with more in it."""
    step = 5
    start = text.find(sentence[:step])
    while start != -1:
        at, place, gaps = 0, start, 0
        while at < len(sentence) and gaps <= 8:
            if place < len(text) and text[place] == sentence[at]:
                at, place = at + 1, place + 1
                continue
            place, gaps = text.find(sentence[at : at + step], place, place + 80 + step), gaps + 1
            if place == -1:
                break
        if at == len(sentence):
            return True
        start = text.find(sentence[:step], start + 1)
    return False


def main() -> None:
    """Runs all of them and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("crossic")
    parser.add_argument("file", type=Path)
    parser.add_argument("--lang", required=True)
    parser.add_argument("--wikrs", help="the program of wikrs")
    parser.add_argument("--show", type=int, default=0, help="print so many lost sentences")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pages.xml.bz2"
        copy(arguments.file, file, arguments.lang)
        results = {
            "crossic": by_crossic(arguments.crossic, file, arguments.lang),
            "wikiextractor": by_wikiextractor(file),
            "mwparserfromhell": by_mwparserfromhell(file),
        }
        if arguments.wikrs:
            results["wikrs"] = by_wikrs(arguments.wikrs, file)
    peer = results["wikiextractor"][1]
    print(f"{arguments.file.name}: articles of wikiextractor {len(peer)}")
    for name, (seconds, texts) in results.items():
        n_characters = sum(map(len, texts.values()))
        left = [f"{kind} {1000 * sum(len(it.findall(text)) for text in texts.values()) / max(1, len(texts)):.0f}"
                for kind, it in RESIDUE.items()]
        lost, n_sentences, n_more = [], 0, 0
        for page, text in peer.items():
            ours = plain(texts.get(page, ""))
            found = sentences(text)
            n_sentences += len(found)
            missed = [sentence for sentence in found if plain(sentence) not in ours]
            gone = [(page, sentence) for sentence in missed if not is_within(plain(sentence), ours)]
            n_more += len(missed) - len(gone)
            lost += gone
        share = 100 * (1 - len(lost) / max(1, n_sentences))
        print(f"  {name:17} {seconds:8.2f} s  {len(texts):5} articles  {n_characters:9} characters  "
              f"{share:6.2f} % of {n_sentences} sentences, {n_more} of them with more in them  left in 1,000: {', '.join(left)}")
        if name == "crossic":
            for page, sentence in lost[: arguments.show]:
                print(f"    {page}: {sentence}")


if __name__ == "__main__":
    main()
