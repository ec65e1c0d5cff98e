#!/usr/bin/env python3
"""Measures faiss's HNSW on the vectors of `cargo bench --bench retrieve`.

The directory holds what the bench wrote: `shape.txt`, `vectors.i8`, `queries.i8`. The same vectors go in
as floats (IndexHNSWFlat) and as bytes (IndexHNSWSQ, 8 bits), by inner product, with the M and efConstruction
of crossic. Printed are build time, recall at 3 against an exact search, queries per second on all threads and
per processor second on one, and bytes a vector as faiss would write the index.

Usage: faiss_hnsw.py DIRECTORY [--links 16] [--effort 200] [--kinds flat sq8]
(needs faiss-cpu and numpy; no network)
"""

import argparse
import os
import time
from pathlib import Path

import faiss
import numpy

TOP = 3
BREADTHS = (8, 16, 32, 48, 64, 128, 256)


def read_arguments() -> argparse.Namespace:
    """Returns what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--links", type=int, default=16)
    parser.add_argument("--effort", type=int, default=200)
    parser.add_argument("--kinds", nargs="+", choices=("flat", "sq8"), default=["flat", "sq8"])
    return parser.parse_args()


def queries_per_second(index, queries, threads: int, clock=time.perf_counter):
    """Returns the rows found and the rate on so many threads, by a clock."""
    faiss.omp_set_num_threads(threads)
    start = clock()
    _, rows = index.search(queries, TOP)
    return rows, len(queries) / (clock() - start)


def products(rows, vectors, queries):
    """Returns the true scores of rows that were found, whatever the index took them to be."""
    scores = numpy.einsum("qtd,qd->qt", vectors[rows], queries)
    return numpy.where(0 <= rows, scores, -numpy.inf)


def main() -> None:
    """Builds and searches each kind of index."""
    arguments = read_arguments()
    dims, scale = map(int, (arguments.directory / "shape.txt").read_text().split())

    def read(name: str):
        rows = numpy.fromfile(arguments.directory / name, dtype=numpy.int8).reshape(-1, dims)
        return rows.astype(numpy.float32) / scale

    vectors, queries = read("vectors.i8"), read("queries.i8")
    cores = os.cpu_count()
    print(f"faiss {faiss.__version__}, {len(vectors)} vectors, {len(queries)} queries, {dims} dimensions")
    exact = faiss.IndexFlatIP(dims)
    exact.add(vectors)
    rows, rate = queries_per_second(exact, queries, cores)
    truth = products(rows, vectors, queries)
    _, rate_one = queries_per_second(exact, queries, 1, time.process_time)
    print(f"exact: {rate:.0f} queries/s, {rate_one:.0f} per processor second")
    for kind in arguments.kinds:
        metric = faiss.METRIC_INNER_PRODUCT
        if kind == "flat":
            index = faiss.IndexHNSWFlat(dims, arguments.links, metric)
        else:
            index = faiss.IndexHNSWSQ(dims, faiss.ScalarQuantizer.QT_8bit, arguments.links, metric)
            index.train(vectors)
        index.hnsw.efConstruction = arguments.effort
        faiss.omp_set_num_threads(1)
        start = time.process_time()
        index.add(vectors)
        seconds = time.process_time() - start
        size = len(faiss.serialize_index(index)) / len(vectors)
        print(f"hnsw {kind}: built in {seconds:.1f} processor seconds, {size:.0f} bytes/vector")
        for breadth in BREADTHS:
            index.hnsw.efSearch = breadth
            _, rate = queries_per_second(index, queries, cores)
            rows, one = queries_per_second(index, queries, 1, time.process_time)
            scores = products(rows, vectors, queries)
            # Half a step of a score: what is as good as the third is as true as it.
            recall = numpy.mean(scores >= truth[:, -1:] - 0.5 / scale**2)
            print(f"  breadth {breadth:3}: recall@{TOP} {recall:.4f}, {rate:.0f} queries/s, {one:.0f} per processor second")


if __name__ == "__main__":
    main()
