//! The rules of the house that a test can hold: sizes, registries, imports, pipelines, commands.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crossic::{config, sinks, sources};
use crossic_operators::operator;

/// Most lines of a source file.
const MAX_LINES: usize = 500;

/// What a module of `src` may import of `crate`; `cli` may import everything.
const IMPORTS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("cluster", &["error"]),
    ("config", &["error", "retrieval", "sinks", "sources", "storage"]),
    ("crew", &[]),
    ("dump", &["crew", "storage"]),
    ("error", &["cluster", "config", "dump", "fetch", "storage", "store"]),
    ("extract", &["crew", "dump", "error", "io", "sources", "storage"]),
    ("fetch", &["dump", "io"]),
    ("garbage", &["error", "manifest"]),
    ("io", &[]),
    ("manifest", &["config", "error", "io", "sinks", "sources"]),
    ("report", &["config", "error", "manifest", "sinks", "sources"]),
    ("retrieval", &["clock", "dump", "error", "io", "sources", "storage", "store", "work"]),
    (
        "runtime",
        &[
            "clock",
            "cluster",
            "config",
            "error",
            "garbage",
            "io",
            "manifest",
            "report",
            "retrieval",
            "sinks",
            "sources",
            "storage",
            "store",
            "work",
        ],
    ),
    ("sinks", &["clock", "error", "io", "storage", "store"]),
    ("work", &[]),
    ("sources", &["clock", "dump", "error", "work", "store"]),
    ("storage", &["io"]),
    ("store", &["clock", "error", "io"]),
    ("training", &["error", "io", "manifest", "report", "sinks", "store"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs_err::read_to_string(root().join(path)).unwrap()
}

/// Returns the files below a folder whose names end in `ending`, with their paths from the root.
fn files(folder: &str, ending: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, path));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no `{ending}` below `{folder}`");
    found
}

/// Returns the paths and texts of all Rust files of the workspace.
fn rust_files() -> Vec<(String, String)> {
    ["src", "operators", "trainer", "tests"]
        .into_iter()
        .flat_map(|folder| files(folder, ".rs"))
        .map(|(name, path)| (name, fs_err::read_to_string(path).unwrap()))
        .collect()
}

/// Returns the modules of the crate that a text names, `crate::a` and `use crate::{a, b::c}` alike.
fn crate_modules(text: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => modules.extend(module(rest)),
            Some(group) => {
                let mut depth = 0_usize;
                let mut item = String::new();
                for letter in group.chars() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => modules.extend(module(&std::mem::take(&mut item))),
                        _ => item.push(letter),
                    }
                }
                modules.extend(module(&item));
            }
        }
    }
    modules
}

/// Returns the module at the start of a path.
fn module(path: &str) -> Option<String> {
    let path = path.trim_start();
    let name: String =
        path.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect();
    (!name.is_empty()).then_some(name)
}

fn report(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn source_files_are_short_and_say_what_they_are() {
    let mut broken = Vec::new();
    for (name, text) in rust_files() {
        let n_lines = text.lines().count();
        if MAX_LINES < n_lines {
            broken.push(format!("{name}: {n_lines} lines, but {MAX_LINES} are the most"));
        }
        if !text.starts_with("//! ") {
            broken.push(format!("{name}: it does not begin with `//! ` and what it owns"));
        }
    }
    report(broken);
}

#[test]
fn no_test_is_left_out() {
    // Put together here, or this file would name them.
    let banned = [["#[", "ignore"].concat(), ["#[", "should_panic"].concat()];
    let mut broken = Vec::new();
    for (name, text) in rust_files() {
        for attribute in &banned {
            if text.contains(attribute) {
                broken.push(format!("{name}: `{attribute}`"));
            }
        }
    }
    report(broken);
}

#[test]
fn every_component_is_in_its_registry_under_the_name_of_its_file() {
    let sources: Vec<&str> = sources::ALL.iter().map(|it| it.name).collect();
    let operators: Vec<&str> = operator::ALL.iter().map(|it| it.name).collect();
    let sinks: Vec<&str> = sinks::ALL.iter().map(|it| it.name).collect();
    for (folder, registry) in
        [("src/sources", sources), ("operators/src", operators), ("src/sinks", sinks)]
    {
        let mut declared = Vec::new();
        for (name, path) in files(folder, ".rs") {
            let text = fs_err::read_to_string(&path).unwrap();
            let Some((_, descriptor)) = text.split_once("Descriptor = Descriptor {") else {
                continue;
            };
            let kind = descriptor.split('"').nth(1).unwrap().to_owned();
            let named = match path.file_stem().unwrap().to_str().unwrap() {
                "mod" => path.parent().unwrap().file_name().unwrap().to_str().unwrap(),
                stem => stem,
            };
            assert_eq!(kind, named.replace('_', "-"), "the `type` of {name}");
            declared.push(kind);
        }
        declared.sort();
        assert_eq!(registry, declared, "`ALL` of {folder}, in alphabetical order");
    }
}

#[test]
fn imports_go_one_way() {
    let rules: BTreeMap<&str, &[&str]> = IMPORTS.iter().copied().collect();
    let mut broken = Vec::new();
    for (name, path) in files("src", ".rs") {
        let layer = name.split('/').nth(1).unwrap().trim_end_matches(".rs");
        if ["cli", "lib", "main"].contains(&layer) {
            continue;
        }
        let Some(allowed) = rules.get(layer) else {
            broken.push(format!("{name}: say in tests/tidy.rs what `{layer}` may import"));
            continue;
        };
        for module in crate_modules(&fs_err::read_to_string(path).unwrap()) {
            if module != layer && !allowed.contains(&module.as_str()) {
                broken.push(format!("{name}: `{layer}` may not import `{module}`"));
            }
        }
    }
    report(broken);
}

#[test]
fn operators_do_no_io_and_do_not_know_each_other() {
    let manifest: toml::Table = read("operators/Cargo.toml").parse().unwrap();
    let mut broken = Vec::new();
    for library in manifest["dependencies"].as_table().unwrap().keys() {
        if library == "fs-err" || library.starts_with("crossic") || library.starts_with("polars") {
            broken.push(format!("operators/Cargo.toml: `{library}`"));
        }
    }
    let stages: Vec<String> = operator::ALL.iter().map(|it| it.name.replace('-', "_")).collect();
    for (name, path) in files("operators/src", ".rs") {
        let text = fs_err::read_to_string(path).unwrap();
        for banned in ["std::fs", "fs_err", "std::net", "std::env", "std::process"] {
            if text.contains(banned) {
                broken.push(format!("{name}: `{banned}`"));
            }
        }
        let stage = name.split('/').nth(2).unwrap().trim_end_matches(".rs");
        for module in crate_modules(&text) {
            if stages.contains(&module) && stages.iter().any(|it| it == stage) && module != stage {
                broken.push(format!("{name}: it imports the operator `{module}`"));
            }
        }
    }
    report(broken);
}

#[test]
fn every_pipeline_passes_check() {
    let mut broken = Vec::new();
    for (name, path) in files("pipelines", ".toml") {
        if !read(&name).starts_with("# ") {
            broken.push(format!("{name}: it does not begin with what it is"));
        }
        // Tests run in the root of their package, where the paths of the files begin.
        match config::load(Path::new(&name), &[]) {
            Err(error) => broken.push(error.to_string()),
            Ok(plan) => {
                let dir = Path::new("out").join(path.file_stem().unwrap());
                for node in plan.sinks.iter().filter(|node| node.sink.dir() != dir) {
                    let found = node.sink.dir().display();
                    broken.push(format!("{name}: writes to `{found}`, not `{}`", dir.display()));
                }
            }
        }
    }
    report(broken);
}

#[test]
fn the_readme_names_the_commands_that_are_checked() {
    let (readme, checks) = (read("README.md"), read(".ci/run"));
    let commands = |start: &str| -> BTreeSet<&str> {
        let lines = readme.lines().map(str::trim);
        lines.filter(|line| line.starts_with(start)).collect()
    };
    assert_eq!(commands("cargo test"), BTreeSet::from(["cargo test --workspace"]));
    let runs = commands("cargo run");
    assert_eq!(runs, BTreeSet::from(["cargo run --release -- run pipelines/sample.toml"]));
    for command in commands("cargo test").union(&runs) {
        assert!(checks.contains(command), "`.ci/run` does not run `{command}`");
    }
}

#[test]
fn the_map_names_every_module() {
    let map = read("ARCHITECTURE.md");
    let mut broken = Vec::new();
    for folder in ["src", "operators/src", "trainer/src"] {
        for entry in fs_err::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let shown = if path.is_dir() { format!("{name}/") } else { name };
            if !map.contains(&shown) {
                broken.push(format!("ARCHITECTURE.md does not name `{folder}/{shown}`"));
            }
        }
    }
    report(broken);
}

#[test]
fn imports_are_found_in_every_form() {
    let check = |text: &str, expected: &[&str]| {
        let found = crate_modules(text);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    };
    check("use crate::io;", &["io"]);
    check("fn f() -> crate::error::Result<()> {}", &["error"]);
    check("use crate::{\n    config::{Plan, plan::Resolved},\n    io,\n};", &["config", "io"]);
    check("use crate::clock::{self, Activity};", &["clock"]);
    check("use crate::{clock, error::Result};", &["clock", "error"]);
}
