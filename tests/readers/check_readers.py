#!/usr/bin/env python3
"""Reads corpora of crossic the way their users will, and checks what crossic promises of them.

Opens every shard with pyarrow, polars and Hugging Face `datasets`, and compares rows and tokens with
`manifest.json`, `report.json` and the header of `README.md`. Prints one line a corpus; the first
broken promise of each corpus goes to stderr, and the exit code is then 1.

Usage: check_readers.py CORPUS_DIR...      (needs pyarrow, polars, datasets, pyyaml; no network)
"""

import fnmatch
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
_home = tempfile.TemporaryDirectory()
os.environ["HF_HOME"] = _home.name

import datasets  # noqa: E402  (reads the environment when it is imported)
import polars  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.ipc  # noqa: E402
import yaml  # noqa: E402

SPAN = pa.struct(
    [
        ("lang", pa.string()),
        ("wiki", pa.string()),
        ("page", pa.int64()),
        ("revision", pa.int64()),
        ("title", pa.string()),
        ("paragraph_start", pa.int32()),
        ("paragraph_end", pa.int32()),
        ("token_start", pa.int32()),
        ("token_end", pa.int32()),
        ("title_tokens", pa.int32()),
        ("cut_start", pa.bool_()),
        ("cut_end", pa.bool_()),
        ("document", pa.string()),
        ("url", pa.string()),
        ("digest", pa.string()),
    ]
)
RETRIEVAL = pa.struct(
    [
        ("rank", pa.int32()),
        ("title_score", pa.float32()),
        ("full_score", pa.float32()),
        ("title", pa.string()),
        ("keywords", pa.list_(pa.string())),
    ]
)
COLUMNS = {
    "id": pa.string(),
    "pair": pa.string(),
    "index": pa.int32(),
    "origin": pa.string(),
    "input_ids": pa.list_(pa.int32()),
    "spans": pa.list_(SPAN),
    "score": pa.float32(),
    "retrieval": RETRIEVAL,
}


class Broken(Exception):
    """A promise that a corpus does not keep."""


def need(condition, message):
    """Raises `Broken` unless the condition holds."""
    if not condition:
        raise Broken(message)


def equal(found, promised, what):
    need(found == promised, f"{what}: found {found!r}, but promised is {promised!r}")


# --- shards ----------------------------------------------------------------------------------------


def read_arrow(path):
    """Returns the rows of an Arrow shard, read three ways that must agree."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
        found = {field.name: field.type for field in reader.schema}
        # The names of list items differ between writers and mean nothing.
        equal(list(found), list(COLUMNS), f"columns of {path.name}")
        for name, kind in COLUMNS.items():
            need(found[name].equals(kind), f"column `{name}` of {path.name} is {found[name]}, not {kind}")
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        for batch in batches:
            batch.validate(full=True)
        rows = [row for batch in batches for row in batch.to_pylist()]
    same(rows, polars.read_ipc(path).to_dicts(), f"polars on {path.name}")
    same(rows, list(load("arrow", path)), f"datasets on {path.name}")
    return rows


def read_jsonl(path):
    """Returns the rows of a shard of JSON lines, read three ways that must agree."""
    need(path.suffix == ".jsonl", f"{path.name} does not end in .jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        need(isinstance(row.get("text"), str) and row["text"], f"a row of {path.name} has no text")
    columns = ["id", "index", "text"]
    frame = polars.read_ndjson(path, infer_schema_length=None)
    same(pick(rows, columns), frame.select(columns).to_dicts(), f"polars on {path.name}")
    loaded = load("json", path).select_columns(columns)
    same(pick(rows, columns), list(loaded), f"datasets on {path.name}")
    return rows


def load(kind, path):
    with tempfile.TemporaryDirectory() as cache:
        loaded = datasets.load_dataset(
            kind, data_files=[str(path)], split="train", cache_dir=cache, keep_in_memory=True
        )
        return loaded


def pick(rows, columns):
    return [{name: row[name] for name in columns} for row in rows]


def same(rows, others, what):
    equal(len(others), len(rows), f"{what}: rows")
    for number, (row, other) in enumerate(zip(rows, others)):
        need(row == other, f"{what}: row {number} differs: {other!r}, but pyarrow reads {row!r}")


# --- rows ------------------------------------------------------------------------------------------


def check_retrieval(row, what):
    """Checks what a row says of how its document was found; a shuffled one says nothing."""
    score, retrieval = row["score"], row["retrieval"]
    need((score is None) == (retrieval is None), f"{what}: score {score!r}, retrieval {retrieval!r}")
    if retrieval is None:
        return
    need(row["origin"] == "web", f"{what}: a retrieval for a language link")
    need(1 <= retrieval["rank"], f"{what}: rank {retrieval['rank']!r}")
    need(retrieval["title"], f"{what}: no title was asked for")
    need(all(retrieval["keywords"]), f"{what}: an empty keyword")
    mean = (retrieval["title_score"] + retrieval["full_score"]) / 2
    need(abs(score - mean) < 3e-6, f"{what}: score {score!r} is not the mean {mean!r} of its parts")


def check_document(span, manifest, what):
    """Checks that documents, and only they, are named by id, address and digest."""
    sources = manifest["sources"].values()
    of = [source for source in sources if source["wiki"]["wiki"] == span["wiki"]]
    equal(len(of), 1, f"{what}: sources of {span['wiki']!r}")
    named = [span[name] is not None for name in ("document", "url", "digest")]
    is_document = of[0].get("documents", False)
    equal(named, [is_document] * 3, f"{what}: document, url and digest of a span of {span['wiki']!r}")
    if is_document:
        plain = {name: span[name] for name in ("page", "revision", "title", "title_tokens")}
        expected = {"page": 0, "revision": 0, "title": "", "title_tokens": 0}
        equal(plain, expected, f"{what}: a span of a document")
        need(len(span["digest"]) == 32, f"{what}: digest {span['digest']!r}")


def check_row(row, manifest, what):
    """Checks what one row says of itself."""
    for name in ("id", "pair"):
        digits = row[name]
        need(len(digits) == 32 and set(digits) <= set("0123456789abcdef"), f"{what}: `{name}` is {digits!r}")
    need(row["origin"] in ("wiki", "web"), f"{what}: origin is {row['origin']!r}")
    check_retrieval(row, what)
    spans = row["spans"]
    need(spans, f"{what}: no spans")
    languages = {source["wiki"]["lang"] for source in manifest["sources"].values()}
    at = 0
    for span in spans:
        equal(span["token_start"], at, f"{what}: start of a span")
        need(at + span["title_tokens"] < span["token_end"], f"{what}: a span without text")
        need(span["paragraph_start"] < span["paragraph_end"], f"{what}: a span without paragraphs")
        need(span["lang"] in languages, f"{what}: language {span['lang']!r} is none of the sources'")
        check_document(span, manifest, what)
        at = span["token_end"]
    segments = manifest["rows"] == "segments"
    need(len(spans) <= 2 if segments else len(spans) == 1, f"{what}: {len(spans)} spans")
    ids = row.get("input_ids")
    if ids is None:
        return at + 1
    tokenizer = manifest["tokenizer"]
    equal(len(ids), at + 1, f"{what}: tokens, spans and the closing token")
    equal(ids[-1], tokenizer["closing_id"], f"{what}: last token")
    need(tokenizer["closing_id"] not in ids[:-1], f"{what}: the closing token within the row")
    top = tokenizer["size"] + (1 if tokenizer["closing_added"] else 0)
    need(0 <= min(ids) and max(ids) < top, f"{what}: a token id outside of 0..{top}")
    if segments:
        # The token that goes before a window counts against N too.
        room = manifest["tokens"] - (tokenizer["bos_id"] is not None)
        need(len(ids) <= room, f"{what}: {len(ids)} tokens, but N leaves room for {room}")
    return len(ids)


def check_shards(directory, manifest):
    """Reads every shard; returns the counts of the whole corpus."""
    readers = {"arrow": read_arrow, "jsonl": read_jsonl}
    kind = manifest["shard_format"]
    need(kind in readers, f"shard format {kind!r} is none of {', '.join(readers)}")
    need(manifest["shards"], "no shards")
    buckets = [shard["bucket"] for shard in manifest["shards"]]
    equal(buckets, sorted(set(buckets)), "order of the buckets")
    on_disk = sorted(path.name for path in (directory / "shards").iterdir())
    equal(on_disk, sorted(shard["file"] for shard in manifest["shards"]), "files in shards/")
    counts, ids, pairs, languages = Counter(), set(), set(), Counter()
    for shard in manifest["shards"]:
        path = directory / "shards" / shard["file"]
        expected = f"{shard['bucket']:05}-{shard['hash'][:32]}."
        need(path.name.startswith(expected), f"{path.name} is not named after its bucket and hash")
        equal(path.stat().st_size, shard["bytes"], f"bytes of {path.name}")
        rows = readers[kind](path)
        tokens, last = 0, (None, -1)
        for number, row in enumerate(rows):
            what = f"{path.name}, row {number}"
            tokens += check_row(row, manifest, what)
            for span in row["spans"]:
                languages[span["lang"]] += span["token_end"] - span["token_start"]
            need(row["id"] not in ids, f"{what}: its id stands twice")
            ids.add(row["id"])
            if row["pair"] != last[0]:
                need(row["pair"] not in pairs, f"{what}: the rows of its pair are apart")
                pairs.add(row["pair"])
                last = (row["pair"], -1)
            equal(row["index"], last[1] + 1, f"{what}: index within the pair")
            last = (row["pair"], row["index"])
        equal(len(rows), shard["rows"], f"rows of {path.name}")
        equal(tokens, shard["tokens"], f"tokens of {path.name}")
        counts.update(rows=len(rows), tokens=tokens)
    counts["pairs"] = len(pairs)
    equal(dict(counts), manifest["totals"], "totals of the manifest")
    return counts, languages


# --- the files beside the shards -------------------------------------------------------------------


def check_report(directory, counts, languages):
    report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    need(report["ledger"], "report.json: the ledger is empty")
    for line in report["ledger"]:
        what = f"report.json: {line['stage']}, {line['what']}"
        equal(sum(line["out"].values()), line["in"], f"{what}: out")
    statistics = report["statistics"]
    equal({name: statistics[name] for name in counts}, dict(counts), "report.json: statistics")
    equal(statistics["tokens_by_language"], dict(languages), "report.json: tokens by language")
    equal(sum(languages.values()) + counts["rows"], counts["tokens"], "tokens of languages and closing tokens")
    listed = {}
    for path in sorted((directory / "rejects").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            reject = json.loads(line)
            listed.setdefault(reject["stage"], Counter())[reject["reason"]] += 1
    equal({stage: dict(reasons) for stage, reasons in listed.items()}, report["rejects"], "rejects/")


def check_card(directory, manifest):
    """Checks that the Hub would understand the dataset card."""
    text = (directory / "README.md").read_text(encoding="utf-8")
    need(text.startswith("---\n"), "README.md does not begin with a YAML header")
    header, end, body = text[4:].partition("\n---\n")
    need(end and body.strip(), "README.md: the YAML header does not end, or nothing follows it")
    card = yaml.safe_load(header)
    need(isinstance(card, dict), "README.md: the YAML header is no mapping")
    for key in ("license", "language", "configs"):
        need(card.get(key), f"README.md: the header has no `{key}`")
    need(
        isinstance(card["language"], list) and all(isinstance(it, str) for it in card["language"]),
        f"README.md: `language` is {card['language']!r}, not a list of strings",
    )
    patterns = []
    for config in card["configs"]:
        files = config["data_files"]
        for entry in files if isinstance(files, list) else [files]:
            patterns.append(entry["path"] if isinstance(entry, dict) else entry)
    for shard in manifest["shards"]:
        name = f"shards/{shard['file']}"
        need(any(fnmatch.fnmatchcase(name, it) for it in patterns), f"README.md: no data file pattern takes {name}")


def check_files(directory, manifest):
    for name in [*manifest["files"], *manifest["packs"], *(it["file"] for it in manifest["snapshots"])]:
        places = [directory / name, directory / "packs" / name]
        need(any(path.is_file() for path in places), f"the manifest names `{name}`, which is missing")
    tokenizer = directory / manifest["tokenizer"]["file"]
    need(isinstance(json.loads(tokenizer.read_text(encoding="utf-8")), dict), f"{tokenizer.name} is no tokenizer")


def check_corpus(directory):
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    equal(manifest["format"], 4, "format of the manifest")
    counts, languages = check_shards(directory, manifest)
    check_files(directory, manifest)
    check_report(directory, counts, languages)
    check_card(directory, manifest)
    return manifest, counts


def main(arguments):
    if not arguments or any(it.startswith("-") for it in arguments):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    datasets.disable_progress_bars()
    n_broken = 0
    for name in arguments:
        try:
            manifest, counts = check_corpus(Path(name))
        except (Broken, OSError, ValueError, KeyError, TypeError) as error:
            kind = "" if isinstance(error, Broken) else f"{type(error).__name__}: "
            print(f"error: {name}: {kind}{error}", file=sys.stderr)
            n_broken += 1
            continue
        print(
            f"{name}: ok: {len(manifest['shards'])} {manifest['shard_format']} shards, "
            f"{counts['rows']} {manifest['rows']}, {counts['tokens']} tokens of {counts['pairs']} pairs; "
            f"pyarrow {pa.__version__}, polars {polars.__version__}, datasets {datasets.__version__}"
        )
    return 1 if n_broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
