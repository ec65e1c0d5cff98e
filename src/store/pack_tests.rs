//! Tests of packs: every text comes back as it was, or not at all.

use proptest::prelude::*;

use super::*;

fn pack(dir: &Path, texts: &[&str]) -> Option<PackName> {
    let mut writer = PackWriter::create(dir).unwrap();
    for text in texts {
        writer.put(Digest::of(text.as_bytes()), text).unwrap();
    }
    writer.seal().unwrap()
}

fn get(packs: &Packs, text: &str) -> Option<String> {
    let mut read = String::from("left from before");
    packs.get(Digest::of(text.as_bytes()), &mut read).unwrap().then_some(read)
}

#[test]
fn an_empty_pack_is_no_pack() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(pack(dir.path(), &[]), None);
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
    let packs = Packs::open(dir.path(), &[]).unwrap();
    assert_eq!(get(&packs, "ช้าง"), None);
}

#[test]
fn several_packs_are_one() {
    let dir = tempfile::tempdir().unwrap();
    let one = pack(dir.path(), &["elephant", "ช้าง", ""]).unwrap();
    let two = pack(dir.path(), &["象", "elephant", "象"]).unwrap();
    let packs = Packs::open(dir.path(), &[one, two]).unwrap();
    assert_eq!(packs.n_texts(), 4);
    for text in ["elephant", "ช้าง", "", "象"] {
        assert_eq!(get(&packs, text).as_deref(), Some(text));
    }
    assert_eq!(get(&packs, "mammoth"), None);
    assert_eq!(packs.verify().unwrap(), Verified { n_texts: 4, n_bytes: 8 + 12 + 3 });
}

#[test]
fn equal_puts_make_equal_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = pack(one.path(), &["b", "a", "b"]);
    assert_eq!(name, pack(two.path(), &["b", "a"]));
    assert_ne!(name, pack(two.path(), &["a", "b"]));
}

#[test]
fn a_flipped_byte_anywhere_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let texts = ["elephant elephant elephant", "ช้าง"];
    let name = pack(dir.path(), &texts).unwrap();
    let path = dir.path().join(name.as_str());
    let whole = fs_err::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x10;
        fs_err::write(&path, &bytes).unwrap();
        let result = Packs::open(dir.path(), std::slice::from_ref(&name)).and_then(|packs| {
            for text in texts {
                // A read may fail or give the right text: some bits of a frame do not matter.
                let mut read = String::new();
                if let Ok(found) = packs.get(Digest::of(text.as_bytes()), &mut read) {
                    assert!(found && read == text);
                }
            }
            packs.verify()
        });
        let message = result.unwrap_err().to_string();
        assert!(message.contains(name.as_str()) && message.contains("hint: "), "{message}");
    }
    for length in [0, 8, 40, whole.len() - 1] {
        fs_err::write(&path, &whole[..length]).unwrap();
        assert!(Packs::open(dir.path(), std::slice::from_ref(&name)).is_err());
    }
}

#[test]
fn threads_read_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..200).map(|n| format!("{n} ช้าง ").repeat(n)).collect();
    let name = pack(dir.path(), &texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let packs = Packs::open(dir.path(), &[name]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for text in &texts {
                    assert_eq!(get(&packs, text).as_ref(), Some(text));
                }
            });
        }
    });
}

#[test]
fn a_name_is_parsed() {
    let name = format!("{}.pack", "0a".repeat(32));
    assert_eq!(PackName::parse(&name).map(|name| name.to_string()), Some(name));
    for wrong in ["", "../x.pack", &format!("{}.pack", "0A".repeat(32)), &"0a".repeat(32)] {
        assert_eq!(PackName::parse(wrong), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn texts_survive(texts in prop::collection::vec(any::<String>(), 1..20)) {
        let dir = tempfile::tempdir().unwrap();
        let name = pack(dir.path(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
        let packs = Packs::open(dir.path(), &[name.unwrap()]).unwrap();
        for text in &texts {
            let read = get(&packs, text);
            prop_assert_eq!(read.as_ref(), Some(text));
        }
    }
}
