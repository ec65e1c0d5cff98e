//! Tests of shards: what goes in comes out, in the same bytes, or not at all.

use crossic_operators::{record::Digest, segment::Retrieval};
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
        document: None,
        url: None,
        digest: None,
    }
}

fn document(n_tokens: u32) -> Span {
    Span {
        wiki: "fineweb-edu".into(),
        page: 0,
        revision: 0,
        title: String::new(),
        document: Some(format!("<urn:uuid:{n_tokens}>")),
        url: Some("https://example.org/ช้าง".into()),
        digest: Some(Digest::of(&n_tokens.to_le_bytes())),
        ..span("", n_tokens)
    }
}

fn retrieval(index: u32) -> Retrieval {
    Retrieval {
        rank: index % 3 + 1,
        title_score: index as i32 - 400_000,
        full_score: 400_001 - index as i32,
        title: format!("Elephant {index}"),
        keywords: (0..index % 5).map(|n| format!("งา {n}")).collect(),
    }
}

fn segment(index: u32) -> Segment {
    Segment {
        id: Digest::of(&index.to_le_bytes()),
        pair: Digest::of(b"pair"),
        index,
        origin: if index.is_multiple_of(3) { Origin::Web } else { Origin::Wiki },
        input_ids: (0..index % 50).collect(),
        spans: (0..index % 4)
            .map(|n| if index.is_multiple_of(3) { document(n) } else { span("ช้าง", n) })
            .collect(),
        score: (index.is_multiple_of(3)).then_some(index as i32 - 500_000),
        retrieval: (index.is_multiple_of(3)).then(|| retrieval(index)),
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

/// A segment as it was written before documents were retrieved.
#[derive(Clone)]
struct Earlier(Segment);

impl Row for Earlier {
    const TABLE: &'static str = "a shard of the time before documents";

    fn fields() -> Vec<Field> {
        Segment::earlier().remove(0)
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        let rows: Vec<&Segment> = rows.iter().map(|row| &row.0).collect();
        let mut columns = Segment::columns(&rows)?;
        columns.truncate(7);
        let spans: Vec<&Span> = rows.iter().flat_map(|row| &row.spans).collect();
        let mut of_spans = Span::columns(&spans)?;
        of_spans.truncate(12);
        let ArrowDataType::List(item) = &Earlier::fields()[5].dtype else { panic!("a list") };
        let dtype = item.dtype.clone();
        let spans = StructArray::try_new(dtype.clone(), spans.len(), of_spans, None).unwrap();
        columns[5] = list(dtype, row::offsets(&rows, |row| row.spans.len())?, spans.boxed())?;
        Ok(columns)
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Segment::read(cells).map(Earlier)
    }
}

#[test]
fn shards_of_the_time_before_documents_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let segments: Vec<Segment> = (0..1_100).filter(|it| it % 3 != 0).map(segment).collect();
    let mut writer = RowWriter::<Earlier>::create(dir.path(), BATCH_ROWS).unwrap();
    for segment in &segments {
        writer.push(Earlier(segment.clone())).unwrap();
    }
    let name = |hash: &str| format!("00000-{}.arrow", hash.split_at(32).0);
    let (_, hash) = writer.finish().unwrap().seal(name).unwrap();
    let path = dir.path().join(name(&hash));
    let read: Result<Vec<Segment>, _> = ShardReader::open(&path).unwrap().collect();
    assert_eq!(read.unwrap(), segments);
}

#[test]
fn fields_of_a_row_without_a_retrieval_are_null_too() {
    let rows: Vec<Segment> = [3, 4].map(segment).to_vec();
    let column = retrieval_column::column(&rows.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!((column.is_null(0), column.is_null(1)), (false, true));
    let fields = column.as_any().downcast_ref::<StructArray>().unwrap();
    assert!(fields.values().iter().all(|it| it.is_valid(0) && it.is_null(1)));
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
    let rank = |segment: &mut Segment| {
        segment.retrieval = Some(Retrieval { rank: u32::MAX, ..retrieval(1) });
    };
    check(rank, "its rank");
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
