//! The index of a multistream file: the chosen streams hold every wanted page, and nothing that an
//! index may say goes unchecked.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

use std::{collections::BTreeSet, fmt::Write, ops::Range, path::Path};

use crossic::dump::{
    error::DumpError,
    find::{DumpFiles, find_dump},
    index::{self, Stream, Totals, digest, wanted_streams},
    index_announced::Announced,
    index_lines::Lines,
    xml::{Pages, RawPage},
};
use crossic_operators::record::Digest;
use proptest::prelude::*;
use tempfile::NamedTempFile;

mod common;
use common::{bz2, file, gz};

/// A multistream file and its index, made of the page numbers of each stream.
struct Multistream {
    file: NamedTempFile,
    /// The text of the index.
    index: String,
    /// The bytes of each stream that holds pages.
    streams: Vec<Range<u64>>,
    n_bytes: u64,
}

fn page(id: u32) -> String {
    let title = format!("หน้า:{id}");
    format!(
        "<page><title>{title}</title><ns>0</ns><id>{id}</id><revision><id>1</id>\
         <text>{}</text></revision></page>\n",
        "ช้าง ".repeat(id as usize % 7)
    )
}

fn multistream(streams: &[Vec<u32>]) -> Multistream {
    let mut packed = bz2(b"<mediawiki><siteinfo></siteinfo>\n");
    let (mut index, mut starts) = (String::new(), Vec::new());
    for pages in streams {
        starts.push(packed.len() as u64);
        for id in pages {
            writeln!(index, "{}:{id}:หน้า:{id}", packed.len()).unwrap();
        }
        packed.extend(bz2(pages.iter().map(|id| page(*id)).collect::<String>().as_bytes()));
    }
    packed.extend(bz2(b"</mediawiki>\n"));
    let n_bytes = packed.len() as u64;
    let ends = starts.iter().skip(1).copied().chain([n_bytes]);
    let streams = starts.iter().zip(ends).map(|(start, end)| *start..end).collect();
    Multistream { file: file(&packed), index, streams, n_bytes }
}

/// Reads what the chosen streams hold, and holds it against the index.
fn read(index: &Path, file: &Path, streams: &[Stream], wanted: &BTreeSet<u32>) -> Read {
    let mut announced = Announced::new(index, file, streams);
    let range = streams[0].range.start..streams.last().unwrap().range.end;
    let mut pages = Pages::open(file, range, None)?;
    let (mut page, mut found) = (RawPage::default(), Vec::new());
    while pages.next(&mut page)? {
        announced.found(page.id, wanted.contains(&page.id))?;
        found.push(page.id);
    }
    announced.end(pages.malformed() + u64::from(pages.truncated()))?;
    Ok(found)
}

type Read = Result<Vec<u32>, DumpError>;

/// Returns an error as one line, without the names of the files.
fn shown(error: &DumpError, index: &Path, file: &Path) -> String {
    let text = format!("{error}; {}", error.hint().unwrap_or("no hint"));
    text.replace(&index.display().to_string(), "INDEX").replace(&file.display().to_string(), "FILE")
}

const HINT: &str = "download the index of the same dump, or remove it: then the whole file is read";

/// Takes an index for a file of the streams [2, 3], [5], [8, 9]; returns what is wrong with it.
fn check(edit: impl Fn(&Multistream) -> String, wanted: &[u32], expected: &str) {
    let made = multistream(&[vec![2, 3], vec![5], vec![8, 9]]);
    let index = file(edit(&made).as_bytes());
    let wanted: BTreeSet<u32> = wanted.iter().copied().collect();
    let (index, file) = (index.path(), made.file.path());
    let outcome =
        wanted_streams(index, file, |page| wanted.contains(&page)).and_then(|(streams, _)| {
            streams.iter().try_for_each(|stream| {
                read(index, file, std::slice::from_ref(stream), &wanted).map(drop)
            })
        });
    let mut expected = expected.to_owned();
    for (number, stream) in made.streams.iter().enumerate() {
        expected = expected.replace(&format!("{{{number}}}"), &stream.start.to_string());
    }
    expected = expected.replace("{end}", &made.n_bytes.to_string());
    match outcome {
        Ok(()) => assert_eq!("good", expected),
        Err(error) => {
            assert_eq!(shown(&error, index, file), format!("`INDEX`: {expected}; {HINT}"));
        }
    }
}

/// Returns the lines of an index with one of them replaced.
fn with(made: &Multistream, number: usize, line: &str) -> String {
    let mut lines: Vec<&str> = made.index.lines().collect();
    lines[number] = line;
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

#[test]
fn what_an_index_may_say_wrongly() {
    check(|made| made.index.clone(), &[2, 9], "good");
    check(|made| made.index.trim_end().to_owned(), &[9], "good");
    check(|made| with(made, 2, "no numbers"), &[], "line 3 is not `offset:page:title`");
    check(|made| with(made, 4, "77:12"), &[], "line 5 is not `offset:page:title`");
    check(|made| format!("\n{}", made.index), &[], "line 1 is not `offset:page:title`");
    check(|made| with(made, 1, &"7".repeat(20_000)), &[], "line 2 has no end within 16384 bytes");
    check(|_| "\n".to_owned(), &[], "line 1 is not `offset:page:title`");
    check(|made| with(made, 2, "7:5:x"), &[], "line 3 goes back: byte 7 after byte {0}");
    check(
        |made| with(made, 4, &format!("{}:9:x", made.n_bytes)),
        &[],
        "line 5 names byte {end}, but `FILE` has {end} bytes",
    );
    let one_on = |number: usize| {
        move |made: &Multistream| {
            let start = made.streams[number].start;
            made.index.replace(&format!("{start}:"), &format!("{}:", start + 1))
        }
    };
    let made = multistream(&[vec![2, 3], vec![5], vec![8, 9]]);
    for (number, line, wanted) in [(0, 1, 5), (1, 3, 2), (1, 3, 5), (2, 4, 5), (2, 4, 8)] {
        let offset = made.streams[number].start + 1;
        let expected =
            format!("line {line} names byte {offset}, but no bzip2 stream of `FILE` begins there");
        check(one_on(number), &[wanted], &expected);
    }
}

#[test]
fn what_an_index_may_leave_out() {
    check(
        |made| made.index.lines().skip(2).collect::<Vec<_>>().join("\n"),
        &[8],
        "page 2 of `FILE` comes before byte {1}, the first that is listed",
    );
    check(
        |made| made.index.lines().take(3).collect::<Vec<_>>().join("\n"),
        &[2],
        "page 8 of `FILE` lies behind the stream at byte {1}, the last that is listed",
    );
    // The stream of page 5 lies in the range of the one before it then.
    check(
        |made| with(made, 2, ""),
        &[2, 5],
        "page 5 is in `FILE` at byte {0}, where it is not listed",
    );
    check(
        |made| with(made, 2, ""),
        &[2],
        "2 pages are listed for `FILE` at byte {0}, but 3 are there",
    );
    check(
        |made| made.index.replace(":3:", ":4:"),
        &[4],
        "page 4 is not in `FILE` at byte {0}, where it is listed",
    );
    check(
        |made| made.index.replace(":3:", ":4:"),
        &[2, 3],
        "page 3 is in `FILE` at byte {0}, where it is not listed",
    );
    check(
        |made| format!("{}:6:x\n{}", made.streams[0].start, made.index),
        &[2],
        "3 pages are listed for `FILE` at byte {0}, but 2 are there",
    );
}

#[test]
fn an_index_of_nothing_or_of_no_multistream_file() {
    let made = multistream(&[vec![2]]);
    let error = |index: &NamedTempFile, file: &NamedTempFile| {
        let error = wanted_streams(index.path(), file.path(), |_| true).unwrap_err();
        shown(&error, index.path(), file.path())
    };
    assert_eq!(
        error(&file(&bz2(b"")), &made.file),
        format!("`INDEX`: the index lists no page; {HINT}")
    );
    let start = made.streams[0].start;
    let plain = file(page(2).repeat(99).as_bytes());
    assert_eq!(
        error(&file(made.index.as_bytes()), &plain),
        format!(
            "`INDEX`: line 1 names byte {start}, but no bzip2 stream of `FILE` begins there; {HINT}"
        )
    );
    let crowded = format!("{start}:2:x\n").repeat(1_000_001);
    assert_eq!(
        error(&file(&gz(crowded.as_bytes())), &made.file),
        format!(
            "`INDEX`: line 1000001 is one page too many for the stream at byte {start}: \
             1000000 are allowed; {HINT}"
        )
    );
    let cut = bz2(made.index.as_bytes());
    let error = error(&file(&cut[..cut.len() - 5]), &made.file);
    assert!(error.starts_with("`INDEX`: the bzip2 data is cut off"), "{error}");
}

#[test]
fn a_page_that_cannot_be_read_may_be_the_missing_one() {
    let stream = Stream { range: 40..90, wanted: vec![2, 3], n_pages: 3 };
    let outcome = |found: &[u32], n_unreadable: u64| {
        let streams = std::slice::from_ref(&stream);
        let mut announced = Announced::new(Path::new("INDEX"), Path::new("FILE"), streams);
        found.iter().for_each(|page| announced.found(*page, *page < 4).unwrap());
        announced.end(n_unreadable).map_err(|error| error.to_string())
    };
    assert_eq!(outcome(&[2, 3, 7], 0), Ok(()));
    assert_eq!(outcome(&[2, 7], 1), Ok(()));
    let missing = "`INDEX`: page 3 is not in `FILE` at byte 40, where it is listed".to_owned();
    assert_eq!(outcome(&[2, 7], 0), Err(missing));
    let number = "`INDEX`: 3 pages are listed for `FILE` at byte 40, but 2 are there".to_owned();
    assert_eq!(outcome(&[2, 3], 0), Err(number));
}

#[test]
fn a_page_that_is_listed_twice_has_all_its_streams_read() {
    let made = multistream(&[vec![2, 3], vec![5], vec![3, 9], vec![7, 7]]);
    let index = file(&bz2(made.index.as_bytes()));
    let wanted = BTreeSet::from([3, 7, 9]);
    let (streams, totals) =
        wanted_streams(index.path(), made.file.path(), |page| wanted.contains(&page)).unwrap();
    assert_eq!(totals.repeated, BTreeSet::from([3, 7]));
    assert_eq!((totals.n_pages, totals.n_pages_wanted), (7, 3));
    let chosen: Vec<_> = streams.iter().map(|stream| stream.wanted.clone()).collect();
    assert_eq!(chosen, [vec![3], vec![3, 9], vec![7, 7]]);
    for stream in &streams {
        let streams = std::slice::from_ref(stream);
        read(index.path(), made.file.path(), streams, &wanted).unwrap();
    }
}

#[test]
fn the_digest_of_a_range_is_that_of_its_bytes() {
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let packed = file(&bytes);
    for range in [0..0, 0..300_000, 7..299_999, 131_072..262_144, 300_000..300_000] {
        let expected = Digest::of(&bytes[range.start as usize..range.end as usize]);
        assert_eq!(digest(packed.path(), range).unwrap(), expected);
    }
    for range in [0..300_001, 400_000..400_001, 0..u64::MAX] {
        let error = digest(packed.path(), range).unwrap_err().to_string();
        assert!(error.contains("cannot read the file"), "{error}");
    }
}

#[test]
fn indexes_belong_to_the_part_of_the_same_pages() {
    let check = |articles: &[&str], indexes: &[&str], expected: &[Option<usize>]| {
        let path = |name: &&str| format!("some/enwiki-1-pages-articles{name}").into();
        let files = DumpFiles {
            articles: articles.iter().map(path).collect(),
            indexes: indexes.iter().map(path).collect(),
            ..DumpFiles::default()
        };
        let found = index::of(&files);
        assert_eq!(found.iter().map(|it| it.0.clone()).collect::<Vec<_>>(), files.articles);
        let expected: Vec<_> =
            expected.iter().map(|at| at.map(|at| files.indexes[at].clone())).collect();
        assert_eq!(found.into_iter().map(|it| it.1).collect::<Vec<_>>(), expected);
    };
    let whole = "-multistream-index.txt.bz2";
    check(&["-multistream.xml.bz2"], &[whole], &[Some(0)]);
    check(&["-multistream.xml.bz2"], &["-multistream-index.txt"], &[Some(0)]);
    check(&["-multistream.xml.bz2"], &[], &[None]);
    // Offsets are those of the packed multistream file and of no other.
    check(&["-multistream.xml"], &[whole], &[None]);
    check(&["-multistream.xml.gz"], &[whole], &[None]);
    check(&[".xml.bz2"], &[whole], &[None]);
    let parts = ["1.xml-p1p9.bz2", "2.xml-p10p19.bz2", "3.xml-p20p29.bz2"]
        .map(|it| format!("-multistream{it}"));
    let parts = parts.each_ref().map(String::as_str);
    let (second, third) =
        ("-multistream-index2.txt-p10p19.bz2", "-multistream-index3.txt-p20p30.bz2");
    check(&parts, &[second, third], &[None, Some(0), None]);
    check(&parts, &[whole], &[None, None, None]);
}

#[test]
fn the_index_of_the_samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples/enwiki/20240720");
    let files = find_dump(&folder, None).unwrap();
    let pairs = index::of(&files);
    let [(file, Some(index))] = pairs.as_slice() else { panic!("one file, one index") };
    let wanted = BTreeSet::from([1007, 1035, 1133, 1_000_000]);
    let (streams, totals) = wanted_streams(index, file, |page| wanted.contains(&page)).unwrap();
    let expected = [
        Stream { range: 514..14873, wanted: vec![1007, 1035], n_pages: 10 },
        Stream { range: 14873..29447, wanted: vec![1133], n_pages: 10 },
    ];
    assert_eq!(streams, expected);
    let expected = Totals {
        n_streams: 6,
        n_streams_wanted: 2,
        n_pages: 55,
        n_pages_wanted: 3,
        n_bytes_wanted: 28_933,
        n_bytes: 64_567,
        repeated: BTreeSet::new(),
    };
    assert_eq!(totals, expected);
    // Read together or one by one, the streams hold the same pages.
    let together = read(index, file, &streams, &wanted).unwrap();
    let singly = streams.chunks(1).map(|one| read(index, file, one, &wanted).unwrap());
    assert_eq!(together, singly.flatten().collect::<Vec<_>>());
    assert_eq!(together.len(), 20);
}

/// Returns the entries up to the end or the first error, and whether there was an error.
fn entries(path: &Path, n_bytes: usize) -> (Vec<(u64, u32)>, bool) {
    let mut entries = Vec::new();
    let Ok(mut lines) = Lines::open_in_steps(path, n_bytes) else { return (entries, true) };
    loop {
        match lines.next_entry() {
            Ok(Some(entry)) => entries.push((entry.offset, entry.page)),
            Ok(None) => return (entries, false),
            Err(_) => return (entries, true),
        }
    }
}

/// Takes lines apart the slow and plain way.
fn entries_by_splitting(text: &[u8]) -> (Vec<(u64, u32)>, bool) {
    let number = |field: &[u8]| {
        let field = std::str::from_utf8(field).ok()?;
        field.bytes().all(|byte| byte.is_ascii_digit()).then(|| field.parse::<u64>().ok())?
    };
    let mut entries = Vec::new();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.splitn(3, |byte| *byte == b':').collect();
        let entry = match fields.as_slice() {
            [offset, page, _] => number(offset).zip(number(page)),
            _ => None,
        };
        match entry.and_then(|(offset, page)| Some((offset, u32::try_from(page).ok()?))) {
            Some(entry) => entries.push(entry),
            None => return (entries, true),
        }
    }
    (entries, false)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_chosen_streams_hold_every_wanted_page(
        pages in prop::collection::btree_set(1u32..10_000, 1..120),
        sizes in prop::collection::vec(1usize..12, 1..8),
        wanted in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        absent in 10_000u32..10_010,
        shuffled in any::<bool>(),
        format in 0..3,
    ) {
        let mut pages: Vec<u32> = pages.into_iter().collect();
        if shuffled {
            pages.sort_by_key(|page| page.wrapping_mul(0x9e37_79b9));
        }
        let mut wanted: BTreeSet<u32> = wanted.iter().map(|at| *at.get(&pages)).collect();
        wanted.insert(absent);
        let (mut streams, mut rest, mut size) = (Vec::new(), pages.as_slice(), sizes.iter().cycle());
        while !rest.is_empty() {
            let (these, others) = rest.split_at(rest.len().min(*size.next().unwrap()));
            streams.push(these.to_vec());
            rest = others;
        }
        let made = multistream(&streams);
        let index = match format {
            0 => file(made.index.as_bytes()),
            1 => file(&gz(made.index.as_bytes())),
            _ => file(&bz2(made.index.as_bytes())),
        };
        let (chosen, totals) =
            wanted_streams(index.path(), made.file.path(), |page| wanted.contains(&page)).unwrap();
        let expected: Vec<Stream> = streams
            .iter()
            .zip(&made.streams)
            .map(|(pages, range)| Stream {
                range: range.clone(),
                wanted: pages.iter().filter(|page| wanted.contains(page)).copied().collect(),
                n_pages: pages.len() as u32,
            })
            .filter(|stream| !stream.wanted.is_empty())
            .collect();
        prop_assert_eq!(&chosen, &expected);
        prop_assert_eq!(totals, Totals {
            n_streams: streams.len() as u64,
            n_streams_wanted: expected.len() as u64,
            n_pages: pages.len() as u64,
            n_pages_wanted: wanted.len() as u64 - 1,
            n_bytes_wanted: expected.iter().map(|it| it.range.end - it.range.start).sum(),
            n_bytes: made.n_bytes,
            repeated: BTreeSet::new(),
        });
        // Neighbours may be read together: they hold the same pages as each alone.
        let mut found = Vec::new();
        for group in chosen.chunk_by(|left, right| left.range.end == right.range.start) {
            found.extend(read(index.path(), made.file.path(), group, &wanted).unwrap());
        }
        let expected: Vec<u32> = streams
            .iter()
            .filter(|pages| pages.iter().any(|page| wanted.contains(page)))
            .flatten()
            .copied()
            .collect();
        prop_assert_eq!(&found, &expected);
        wanted.remove(&absent);
        prop_assert!(wanted.is_subset(&found.into_iter().collect()));
    }

    #[test]
    fn lines_are_taken_apart_as_by_splitting(
        parts in prop::collection::vec(
            prop_oneof![
                4 => (0u64..1000, 0u32..9).prop_map(|(offset, page)| format!("{offset}:{page}:a:ช\n")),
                1 => prop::sample::select(vec![":", "\n", "7", "x", "99999999999", "+", "\r\n"])
                    .prop_map(str::to_owned),
            ],
            1..20,
        ),
        n_bytes in 1usize..40,
    ) {
        let text = parts.concat();
        let index = file(text.as_bytes());
        prop_assert_eq!(entries(index.path(), n_bytes), entries_by_splitting(text.as_bytes()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        text in prop::collection::vec(prop::sample::select(b"0123:\n\x00B".to_vec()), 0..200),
        n_bytes in 0usize..9,
    ) {
        let index = file(&text);
        prop_assert_eq!(entries(index.path(), n_bytes), entries(index.path(), 1 << 16));
        let made = multistream(&[vec![2, 3], vec![5]]);
        drop(wanted_streams(index.path(), made.file.path(), |_| true));
    }
}
