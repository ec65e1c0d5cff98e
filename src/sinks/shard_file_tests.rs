//! Tests of shards: what goes in comes out, in the same bytes, or not at all.

use crossic_operators::record::Digest;
use proptest::prelude::*;

use super::*;

fn span(title: &str, n_tokens: u32) -> Span {
    Span {
        lang: "th".into(),
        wiki: "thwiki".into(),
        page: u32::MAX,
        revision: 1 << 40,
        title: title.into(),
        paragraph_start: 0,
        paragraph_end: 3,
        token_start: 0,
        token_end: n_tokens,
        title_tokens: 2,
        cut_start: false,
        cut_end: true,
    }
}

fn segment(index: u32) -> Segment {
    Segment {
        id: Digest::of(&index.to_le_bytes()),
        pair: Digest::of(b"pair"),
        index,
        origin: if index.is_multiple_of(3) { Origin::Web } else { Origin::Wiki },
        input_ids: (0..index % 50).collect(),
        spans: (0..index % 4).map(|n| span("ช้าง", n)).collect(),
        score: (index.is_multiple_of(3)).then_some(index as i32 - 500_000),
    }
}

fn write(dir: &Path, segments: &[Segment]) -> Result<ShardInfo, StoreError> {
    let mut writer = ShardWriter::create(dir)?;
    for segment in segments {
        writer.push(segment)?;
    }
    writer.finish(17)
}

fn read(dir: &Path, info: &ShardInfo) -> Result<Vec<Segment>, StoreError> {
    ShardReader::open(&dir.join(&info.file))?.collect()
}

#[test]
fn segments_survive_in_equal_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for n_rows in [0, 1, 1_023, 1_024, 1_025, 2_500] {
        let segments: Vec<Segment> = (0..n_rows).map(segment).collect();
        let info = write(one.path(), &segments).unwrap();
        assert_eq!(read(one.path(), &info).unwrap(), segments);
        assert_eq!(write(two.path(), &segments).unwrap(), info);
        let bytes = fs_err::read(one.path().join(&info.file)).unwrap();
        assert_eq!(bytes, fs_err::read(two.path().join(&info.file)).unwrap());
        assert_eq!(info.bytes, bytes.len() as u64);
        assert_eq!(info.rows, u64::from(n_rows));
        let n_tokens: usize = segments.iter().map(|segment| segment.input_ids.len()).sum();
        assert_eq!(info.tokens, n_tokens as u64);
        assert!(
            info.file.starts_with("00017-")
                && info.file.get(6..38).is_some_and(|digits| info.hash.starts_with(digits))
        );
    }
}

#[test]
fn a_flipped_byte_anywhere_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let info = write(dir.path(), &[segment(3), segment(5)]).unwrap();
    let path = dir.path().join(&info.file);
    let whole = fs_err::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x10;
        fs_err::write(&path, &bytes).unwrap();
        let message = ShardReader::open(&path).err().unwrap().to_string();
        assert!(message.contains(&info.file) && message.contains("hint: "), "{message}");
    }
    fs_err::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(ShardReader::open(&path).is_err());
    fs_err::remove_file(&path).unwrap();
    let message = ShardReader::open(&path).err().unwrap().to_string();
    assert!(message.contains(&info.file), "{message}");
}

#[test]
fn a_number_that_does_not_fit_names_its_row() {
    let check = |change: fn(&mut Segment), expected: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut segments: Vec<Segment> = (0..1_100).map(segment).collect();
        change(&mut segments[1_059]);
        let message = write(dir.path(), &segments).unwrap_err().to_string();
        assert!(message.starts_with("row 1059 of `"), "{message}");
        assert!(message.contains(expected), "{message}");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
    };
    check(|segment| segment.input_ids[2] = u32::MAX, "token 4294967295");
    check(|segment| segment.spans[1].revision = u64::MAX, "`revision`");
    check(|segment| segment.index = u32::MAX, "`index`");
}

#[test]
fn scores_are_exact_below_sixteen() {
    for millionths in [0, 1, -1, 999_999, 123_457, -15_999_999, 15_999_999] {
        assert_eq!(millionths_of_score(score_of_millionths(millionths)), Ok(millionths));
    }
    assert!(millionths_of_score(f32::NAN).is_err());
    assert!(millionths_of_score(1e9).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_segments_survive(
        indexes in prop::collection::vec(0u32..1_000_000, 0..40),
        title in any::<String>(),
        tokens in prop::collection::vec(0u32..=i32::MAX as u32, 0..20),
        score in prop::option::of(-1_000_000..=1_000_000),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut segments: Vec<Segment> = indexes.into_iter().map(segment).collect();
        for segment in &mut segments {
            segment.spans.push(span(&title, 1));
            segment.input_ids = tokens.clone();
            segment.score = score;
        }
        let info = write(dir.path(), &segments).unwrap();
        prop_assert_eq!(read(dir.path(), &info).unwrap(), segments);
    }
}
