#!/usr/bin/env python3
"""Reads dumps from an S3 bucket, as moto plays it, and compares the corpus with a local build.

Starts a server on this machine, puts the sample dumps of two wikis into a bucket, builds from
`s3://`, and compares every byte with the corpus that is built from the folder. Then asks for what
is not there, and checks that the messages name the URL and the remedy.

Usage: check_s3.py CROSSIC      (the binary; needs moto[server] and boto3; no network)
"""

import logging
import os
import socket
import subprocess
import sys
import tempfile
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
            for check in (check_reading, check_refusals):
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
