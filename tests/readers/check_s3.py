#!/usr/bin/env python3
"""Reads dumps from an S3 bucket and writes corpora to it, as moto plays it; compares with local ones.

Starts a server on this machine, puts the sample dumps of two wikis into a bucket, builds from
`s3://` and to `s3://`, and compares every byte with the corpus that is built from and to a folder.
Then asks for what is not there, and checks that the messages name the URL and the remedy.

Usage: check_s3.py CROSSIC      (the binary; needs moto[server] and boto3; no network)
"""

import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data-samples"
DATE = "20240720"
WIKIS = ("enwiki", "thwiki")
BUCKET = "dumps"
# No command takes seconds; one that hangs is ended.
LONGEST_SECONDS = 300

PIPELINE = """
[sources.en]
type = "wikipedia-dump"
dir = "{dumps}/enwiki/{date}"

[sources.th]
type = "wikipedia-dump"
dir = "{dumps}/thwiki/{date}/"

[operators.pairs]
type = "join-langlinks"
inputs = ["en", "th"]

[operators.windows]
type = "split-windows"
inputs = ["pairs"]
tokenizer = "{tokenizer}"
tokens = 1024

[sinks.corpus]
type = "arrow-shards"
inputs = ["windows"]
dir = "{out}"
buckets = 4
"""


class Broken(Exception):
    """A promise that crossic does not keep."""


def need(condition, message):
    """Raises `Broken` unless the condition holds."""
    if not condition:
        raise Broken(message)


class Bench:
    """A scratch folder, the binary, and an S3 server with the sample dumps in a bucket."""

    def __init__(self, crossic, scratch):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.crossic, self.scratch = crossic, Path(scratch)
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
            "XDG_CACHE_HOME": str(self.scratch / "cache"),
        }
        self.s3 = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.s3.create_bucket(Bucket=BUCKET)
        for wiki in WIKIS:
            for path in sorted((SAMPLES / wiki / DATE).iterdir()):
                self.s3.upload_file(str(path), BUCKET, f"all/{wiki}/{DATE}/{path.name}")

    def run(self, dumps, out, env=None):
        """Builds from `dumps` to `out`; returns what came of it."""
        pipeline = self.scratch / "pipeline.toml"
        text = PIPELINE.format(dumps=dumps, date=DATE, tokenizer=SAMPLES / "tokenizer.json", out=out)
        pipeline.write_text(text, encoding="utf-8")
        return self.command(["run", str(pipeline), "--workers", "2"], env)

    def command(self, arguments, env=None):
        return subprocess.run(
            [self.crossic, *arguments],
            env=self.env if env is None else env,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )


def contents(folder):
    """Returns the bytes of every file below a folder."""
    paths = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def compare(left, right, what):
    need(left, f"{what}: nothing to compare")
    differ = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
    need(not differ, f"{what}: these files differ: {differ}")


def check_reading(bench):
    local, remote = bench.scratch / "local", bench.scratch / "remote"
    ran = bench.run(SAMPLES, local)
    need(ran.returncode == 0, f"the local build failed:\n{ran.stderr}")
    ran = bench.run(f"s3://{BUCKET}/all", remote)
    need(ran.returncode == 0, f"the build from s3:// failed:\n{ran.stderr}")
    compare(contents(local), contents(remote), "a build from s3://")


def listed(bench, prefix):
    """Returns the bytes of every object below a prefix of the bucket."""
    pages = bench.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix + "/")
    keys = [it["Key"] for page in pages for it in page.get("Contents", [])]
    get = lambda key: bench.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return {key.removeprefix(prefix + "/"): get(key) for key in keys}


def check_writing(bench):
    """Builds into the bucket: first, again, with another machine's cache, and over damage."""
    local = {name: data for name, data in contents(bench.scratch / "local").items() if name != ".lock"}
    place = f"s3://{BUCKET}/corpora/one"
    other = {**bench.env, "XDG_CACHE_HOME": str(bench.scratch / "other-cache")}
    for env, what in ((None, "a build"), (None, "a second build"), (other, "another machine's build")):
        if env:
            for name in ("packs/0123.pack", "shards/00000-left.arrow", "tokenizer-old.json"):
                bench.s3.put_object(Bucket=BUCKET, Key=f"corpora/one/{name}", Body=b"garbage")
        ran = bench.run(SAMPLES, place, env)
        need(ran.returncode == 0, f"{what} to s3:// failed:\n{ran.stderr}")
        need(place in ran.stdout, f"{what} does not say where the corpus is:\n{ran.stdout}")
        compare(local, listed(bench, "corpora/one"), f"{what} to s3://")
    third = {**bench.env, "XDG_CACHE_HOME": str(bench.scratch / "third-cache")}
    for arguments in (["verify"], ["inspect"], ["explain"]):
        page = ["Elephant"] if arguments == ["explain"] else []
        ran = bench.command([*arguments, place, *page], third)
        need(ran.returncode == 0, f"{arguments} of s3:// failed:\n{ran.stdout}{ran.stderr}")
        here = bench.command([*arguments, str(bench.scratch / "local"), *page], third)
        need(ran.stdout == here.stdout, f"{arguments} says other things of s3:// than of a directory")
    shard = min(name for name in local if name.startswith("shards/"))
    bench.s3.put_object(Bucket=BUCKET, Key=f"corpora/one/{shard}", Body=b"damaged")
    fourth = {**bench.env, "XDG_CACHE_HOME": str(bench.scratch / "fourth-cache")}
    ran = bench.command(["verify", place], fourth)
    need(ran.returncode == 1 and shard in ran.stderr, f"damage is not seen:\n{ran.stderr}")
    ran = bench.run(SAMPLES, f"s3://{BUCKET}/all/enwiki/{DATE}")
    need("is not a corpus directory" in ran.stderr, f"a folder of dumps is written to:\n{ran.stderr}")


def check_lock(bench):
    """A holder that lives keeps others out, and they say who it is."""
    place = f"s3://{BUCKET}/corpora/one"
    claim = {"holder": "process 7 on mars", "nonce": 1, "beat": 0, "lease_ms": 3000}
    stop = threading.Event()

    def live():
        while not stop.wait(0.2):
            claim["beat"] += 1
            body = json.dumps(claim).encode()
            bench.s3.put_object(Bucket=BUCKET, Key="corpora/one/.lock", Body=body)

    holder = threading.Thread(target=live)
    bench.s3.put_object(Bucket=BUCKET, Key="corpora/one/.lock", Body=json.dumps(claim).encode())
    holder.start()
    try:
        ran = bench.run(SAMPLES, place)
    finally:
        stop.set()
        holder.join()
    need(ran.returncode == 1 and "process 7 on mars" in ran.stderr, f"the lock is ignored:\n{ran.stderr}")
    # Nobody keeps it alive any more, so it runs out.
    ran = bench.run(SAMPLES, place)
    need(ran.returncode == 0, f"a dead lock is not taken over:\n{ran.stderr}")
    need(".lock" not in listed(bench, "corpora/one"), "the lock is left behind")


def check_refusals(bench):
    def refused(dumps, words, env=None):
        ran = bench.run(dumps, bench.scratch / "none", env)
        need(ran.returncode in (1, 2), f"{dumps}: exit code {ran.returncode}")
        for word in [dumps, *words]:
            need(word in ran.stderr, f"{dumps}: `{word}` is not in:\n{ran.stderr}")

    refused("s3://no-such-bucket/all", ["there is no bucket `no-such-bucket`", "hint"])
    refused(f"s3://{BUCKET}/elsewhere", ["no dump files in this folder"])
    with socket.socket() as listener:
        # Taken but not listened at: nobody answers there.
        listener.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        stranger = {name: value for name, value in bench.env.items() if name not in keys}
        stranger["AWS_METADATA_ENDPOINT"] = nobody
        refused(f"s3://{BUCKET}/all", ["no credentials were found", "AWS_ACCESS_KEY_ID"], stranger)
        lost = {**bench.env, "AWS_ENDPOINT_URL": nobody}
        refused(f"s3://{BUCKET}/all", ["the host cannot be reached", "check the address"], lost)


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(arguments[0], scratch)
        try:
            for check in (check_reading, check_writing, check_lock, check_refusals):
                check(bench)
                print(f"{check.__name__}: ok")
        except Broken as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        finally:
            bench.server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
