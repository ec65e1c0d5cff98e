//! Tests of the parquet source, on files that polars writes here.

use polars::prelude::{IntoColumn, NamedFrom, ParquetWriter, Series};

use super::*;

/// Row and reason of each row that is no article.
type Malformed = Vec<(u64, &'static str)>;

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new(columns: Vec<Series>, group_rows: Option<usize>) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let columns = columns.into_iter().map(IntoColumn::into_column).collect();
        let mut frame = DataFrame::new_infer_height(columns).unwrap();
        let file = fs_err::File::create(dir.path().join("articles.parquet")).unwrap();
        ParquetWriter::new(file).with_row_group_size(group_rows).finish(&mut frame).unwrap();
        Fixture { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("articles.parquet")
    }

    /// Reads all articles, and the row and reason of each row that is none.
    fn read(&self) -> Result<(Vec<ParquetArticle>, Malformed), ParquetError> {
        let mut parquet = ArticleParquet::open(&self.path())?;
        let (mut all, mut batch, mut malformed) = (Vec::new(), Vec::new(), Vec::new());
        while parquet.next_batch(&mut batch)? {
            assert!(batch.len() <= BATCH_ROWS);
            all.append(&mut batch);
            malformed.extend(parquet.malformed().iter().map(|row| (row.row, row.reason)));
        }
        assert_eq!(parquet.n_rows_read(), parquet.n_rows());
        assert_eq!(parquet.n_malformed(), malformed.len() as u64);
        Ok((all, malformed))
    }
}

fn article(id: u32, title: &str, text: &str) -> ParquetArticle {
    ParquetArticle { id, title: title.into(), text: text.into() }
}

fn texts(name: &str, texts: &[Option<&str>]) -> Series {
    Series::new(name.into(), texts)
}

#[test]
fn bad_rows_are_counted_and_the_others_read() {
    let fixture = Fixture::new(
        vec![
            texts("id", &[Some("12"), None, Some("x"), Some("-1"), Some("4294967295"), Some("3")]),
            texts("url", &[None; 6]),
            texts("title", &[Some("ช้าง"), Some("b"), Some("c"), Some("d"), None, Some("f")]),
            texts("text", &[Some("ช้าง\n\nสัตว์"), None, None, None, None, None]),
        ],
        None,
    );
    let (articles, malformed) = fixture.read().unwrap();
    assert_eq!(articles, [article(12, "ช้าง", "ช้าง\n\nสัตว์"), article(3, "f", "")]);
    assert_eq!(malformed, [(1, "no-id"), (2, "bad-id"), (3, "bad-id"), (4, "no-title")]);
}

#[test]
fn ids_may_be_integers() {
    let check = |ids: Series| {
        let title = texts("title", &[Some("a"), Some("b")]);
        let fixture = Fixture::new(vec![ids, title, texts("text", &[Some("c"), None])], None);
        let (articles, malformed) = fixture.read().unwrap();
        assert_eq!(articles, [article(7, "a", "c")]);
        assert_eq!(malformed, [(1, "bad-id")]);
    };
    check(Series::new("id".into(), [7i32, -1]));
    check(Series::new("id".into(), [7i64, 1 << 32]));
    check(Series::new("id".into(), [7u64, u64::MAX]));
}

#[test]
fn batches_are_bounded_and_in_order() {
    for group_rows in [3, 999, 1_000_000] {
        let n_rows = if group_rows == 3 { 100 } else { 4_500 };
        let ids: Vec<u32> = (1..=n_rows).collect();
        let titles: Vec<String> = ids.iter().map(|id| format!("title {id}")).collect();
        let columns = vec![
            Series::new("id".into(), &ids),
            Series::new("title".into(), &titles),
            Series::new("text".into(), &titles),
        ];
        let (articles, malformed) = Fixture::new(columns, Some(group_rows)).read().unwrap();
        assert_eq!(malformed, []);
        assert!(articles.iter().map(|article| article.id).eq(ids));
        assert!(articles.iter().all(|article| article.title == format!("title {}", article.id)));
    }
}

#[test]
fn another_file_is_refused_by_name() {
    let check = |columns: Vec<Series>, expected: &str| {
        let message = Fixture::new(columns, None).read().unwrap_err().to_string();
        assert!(message.contains("articles.parquet") && message.contains(expected), "{message}");
    };
    let (id, title, text) =
        (texts("id", &[Some("x")]), texts("title", &[None]), texts("text", &[None]));
    check(vec![id.clone(), title.clone()], "no column `text`; it has `id`, `title`");
    check(vec![id, title.clone(), text.clone()], "no page id in its first 1 rows");
    check(
        vec![Series::new("id".into(), [1.5]), title.clone(), text],
        "is Float64, not a string or",
    );
    check(vec![texts("id", &[None]), title, Series::new("text".into(), [1])], "`text`");
}

#[test]
fn a_cut_file_is_refused_by_name() {
    let columns = vec![texts("id", &[None]), texts("title", &[None]), texts("text", &[None])];
    let fixture = Fixture::new(columns, None);
    let whole = fs_err::read(fixture.path()).unwrap();
    for length in [0, 4, whole.len() / 2, whole.len() - 1] {
        fs_err::write(fixture.path(), &whole[..length]).unwrap();
        let message = fixture.read().unwrap_err().to_string();
        assert!(message.contains("articles.parquet"), "{message}");
    }
    fs_err::remove_file(fixture.path()).unwrap();
    assert!(fixture.read().unwrap_err().to_string().contains("articles.parquet"));
}

#[test]
fn a_page_that_claims_what_cannot_be_is_refused() {
    let columns = vec![texts("id", &[None]), texts("title", &[None]), texts("text", &[None])];
    let fixture = Fixture::new(columns, None);
    let mut bytes = fs_err::read(fixture.path()).unwrap();
    // The header of the first page stands behind the four letters of the format.
    bytes[4..10].fill(0xff);
    fs_err::write(fixture.path(), &bytes).unwrap();
    let message = fixture.read().unwrap_err().to_string();
    assert!(message.contains("articles.parquet") && message.contains("column `id`"), "{message}");
}

#[test]
fn a_file_with_any_byte_changed_is_read_or_refused() {
    let title = texts("title", &[Some("ช้าง"), Some("b"), None, Some("b"), Some("e")]);
    let text = texts("text", &[Some("a\nb"), None, Some("c c c"), Some(""), Some("f")]);
    let ids = Series::new("id".into(), [7i64, 8, 9, 10, 11]);
    let fixture = Fixture::new(vec![ids, title, text], Some(3));
    let whole = fs_err::read(fixture.path()).unwrap();
    let read = || -> Result<usize, ParquetError> {
        let mut parquet = ArticleParquet::open(&fixture.path())?;
        let (mut batch, mut n_articles) = (Vec::new(), 0);
        while parquet.next_batch(&mut batch)? {
            n_articles += batch.len();
        }
        Ok(n_articles)
    };
    let n_refused = (0..whole.len())
        .filter(|&at| {
            let mut bytes = whole.clone();
            // A bit, all bits, the largest number: in turns, for each costs a file.
            bytes[at] = [whole[at] ^ (1 << (at % 8)), !whole[at], 0xff][at % 3];
            fs_err::write(fixture.path(), bytes).unwrap();
            match read() {
                Ok(n_articles) => {
                    assert!(n_articles <= 5);
                    false
                }
                Err(error) => {
                    assert!(error.to_string().contains("articles.parquet"), "{error}");
                    true
                }
            }
        })
        .count();
    assert!(whole.len() / 20 < n_refused, "{n_refused} of {}", whole.len());
}
