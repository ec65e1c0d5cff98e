//! Tests of the mirror, over a store in memory.

use std::sync::Arc;

use object_store::memory::InMemory;
use tempfile::TempDir;

use super::*;
use crate::storage::place::Url;

/// A bucket, with two machines that work on the same corpus.
fn mirrors() -> (TempDir, [Mirror; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let url = Url::parse("s3://bucket/corpus").unwrap().unwrap();
    let remote = Remote::over(Arc::new(InMemory::new()), &url);
    let mirrors = ["one", "two"].map(|name| Mirror {
        dir: dir.path().join(name),
        remote: remote.clone(),
        manifest: Mutex::default(),
    });
    (dir, mirrors)
}

/// Writes a pack of the corpus locally; returns its name.
fn pack(mirror: &Mirror, bytes: &[u8]) -> String {
    let mut staged = Staged::create(&mirror.dir.join("packs")).unwrap();
    staged.write_all(bytes).unwrap();
    let (path, _) = staged.seal(|hash| format!("{hash}.pack")).unwrap();
    format!("packs/{}", path.file_name().unwrap().to_str().unwrap())
}

#[test]
fn what_one_pushes_another_pulls() {
    let (_dir, [one, two]) = mirrors();
    // The second pack is uploaded in parts, and its last part is a whole one.
    for bytes in ["ช้าง".as_bytes().to_vec(), vec![7; 16 << 20], vec![8; (9 << 20) + 1], Vec::new()]
    {
        let name = pack(&one, &bytes);
        one.push(&name).unwrap();
        one.push(&name).unwrap();
        assert!(fs_err::read(two.pull(&name).unwrap()).unwrap() == bytes);
    }
    assert_eq!(two.list("packs").unwrap().len(), 4);
    assert_eq!(two.list("shards").unwrap(), [""; 0]);
    let left = fs_err::read_dir(two.dir.join("packs")).unwrap().count();
    assert_eq!(left, 4, "nothing else is left behind");
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_refused() {
    let (_dir, [one, two]) = mirrors();
    let name = pack(&one, b"elephant");
    fs_err::write(one.dir.join(&name), b"damaged!").unwrap();
    let error = one.push(&name).unwrap_err();
    assert!(error.to_string().contains("is not what its name says"), "{error}");
    one.remote.join(&name).unwrap().put(b"damaged!".to_vec()).unwrap();
    let error = two.pull(&name).unwrap_err();
    assert!(error.to_string().contains("s3://bucket/corpus/packs/"), "{error}");
    assert!(!two.dir.join(&name).exists());
    // A file of another size is replaced by the right one.
    one.remote.join(&name).unwrap().put(b"cut".to_vec()).unwrap();
    fs_err::remove_file(one.dir.join(&name)).unwrap();
    assert_eq!(pack(&one, b"elephant"), name);
    one.push(&name).unwrap();
    two.pull(&name).unwrap();
}

#[test]
fn the_manifest_is_always_the_one_of_the_bucket() {
    let (_dir, [one, two]) = mirrors();
    let name = "manifest.json";
    assert!(!two.pull_manifest(name).unwrap());
    let lease = one.lock_for(Duration::from_secs(60)).unwrap();
    for text in ["old", "new"] {
        one.push_manifest(&lease, name, text.as_bytes().to_vec()).unwrap();
        assert!(two.pull_manifest(name).unwrap());
        assert_eq!(fs_err::read_to_string(two.dir.join(name)).unwrap(), text);
    }
    one.delete([name, "not-there"]).unwrap();
    assert!(!two.pull_manifest(name).unwrap());
    assert!(!two.dir.join(name).exists());
}

#[test]
fn a_manifest_that_was_not_pulled_is_not_replaced() {
    let (_dir, [one, two]) = mirrors();
    let name = "manifest.json";
    let lease = one.lock_for(Duration::from_secs(60)).unwrap();
    assert!(!two.pull_manifest(name).unwrap());
    one.push_manifest(&lease, name, b"first".to_vec()).unwrap();
    let push = |text: &str| two.push_manifest(&lease, name, text.as_bytes().to_vec());
    let error = push("second").unwrap_err();
    assert!(error.to_string().contains("somebody else has written it"), "{error}");
    two.pull_manifest(name).unwrap();
    push("second").unwrap();
    let error = one.push_manifest(&lease, name, b"third".to_vec()).unwrap_err();
    assert!(error.to_string().contains("somebody else has written it"), "{error}");
    // The same content is no conflict: it is what a writing looks like whose answer was lost.
    one.push_manifest(&lease, name, b"second".to_vec()).unwrap();
    one.push_manifest(&lease, name, b"third".to_vec()).unwrap();
}

#[test]
fn a_sweep_removes_what_is_not_named() {
    let (_dir, [one, _]) = mirrors();
    let names = [pack(&one, b"a"), pack(&one, b"b")];
    for name in &names {
        one.push(name).unwrap();
    }
    let kept = BTreeSet::from([names[1].clone()]);
    let lease = one.lock_for(Duration::from_secs(60)).unwrap();
    assert_eq!(one.sweep(&lease, &["packs", "shards"], &kept).unwrap(), 1);
    assert_eq!(one.list("packs").unwrap(), [names[1].clone()]);
}

#[test]
fn names_lead_nowhere_else() {
    let (_dir, [one, _]) = mirrors();
    for name in ["", "..", "../x", "/etc/passwd", "packs//x", "packs/../../x", "a\\b", "c:x", "."] {
        let error = one.pull(name).unwrap_err();
        assert!(error.to_string().contains("could lie anywhere"), "{name}: {error}");
    }
}

#[test]
fn names_bear_hashes() {
    let check = |name: &str, expected| assert_eq!(hash_digits(name), expected, "{name}");
    check("packs/0123456789abcdef0123456789abcdef.pack", Some("0123456789abcdef0123456789abcdef"));
    check("shards/00001-0123456789abcdef.arrow", Some("0123456789abcdef"));
    check("shards/00001-0123456789abcdef.jsonl.zst", Some("0123456789abcdef"));
    check("manifest.json", None);
    check("README.md", None);
    check("shards/00001-0123.arrow", None);
    check("rejects/0123456789ABCDEF.jsonl", None);
}

#[test]
fn a_url_has_a_directory_of_its_own() {
    let check = |left: &str, right: &str| local_dir(Path::new(left)) == local_dir(Path::new(right));
    assert_eq!(local_dir(Path::new("out/corpus")), Path::new("out/corpus"));
    assert!(check("s3://bucket/corpus", "s3://bucket/corpus/"));
    assert!(!check("s3://bucket/corpus", "gs://bucket/corpus"));
    assert!(Mirror::of(Path::new("out")).unwrap().is_none());
    let error = Mirror::of(Path::new("https://host/corpus")).unwrap_err();
    assert!(error.to_string().contains("can only be read"), "{error}");
}
