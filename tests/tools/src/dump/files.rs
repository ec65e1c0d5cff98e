//! The six files of a dump, written from batches.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use bzip2::write::BzEncoder;
use flate2::{GzBuilder, write::GzEncoder};
use fs_err::File;

use crate::dump::{
    batch::{self, Batch},
    site::Site,
    sql::TableWriter,
    tables::Table,
    xml,
};

type Gzip = GzEncoder<BufWriter<File>>;

/// How much a dump holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pages in all namespaces.
    pub n_pages: u64,
    /// Rows of langlinks.
    pub n_langlinks: u64,
    /// Rows of redirect.
    pub n_redirects: u64,
    /// The size of the XML before compression, in bytes.
    pub n_xml_bytes: u64,
    /// The size of the compressed XML, in bytes.
    pub n_stream_bytes: u64,
}

/// The open files of a dump.
pub struct DumpFiles {
    pages: TableWriter<Gzip>,
    langlinks: TableWriter<Gzip>,
    redirects: TableWriter<Gzip>,
    properties: TableWriter<Gzip>,
    xml: BufWriter<File>,
    index: BzEncoder<BufWriter<File>>,
    totals: Totals,
}

impl DumpFiles {
    /// Creates `<out>/<wiki>/<date>/` with its files; files that are already there are replaced.
    pub fn create(out: &Path, site: &Site, date: &str) -> io::Result<Self> {
        let folder = out.join(&site.wiki).join(date);
        fs_err::create_dir_all(&folder)?;
        let stem = format!("{}-{date}", site.wiki);
        let open = |rest: &str| -> io::Result<BufWriter<File>> {
            Ok(BufWriter::with_capacity(
                1 << 18,
                File::create(folder.join(format!("{stem}-{rest}")))?,
            ))
        };
        let table = |table: Table| -> io::Result<TableWriter<Gzip>> {
            let file = open(&format!("{}.sql.gz", table.name()))?;
            // A fixed time and level make the file the same on every run.
            let gzip = GzBuilder::new().mtime(0).write(file, flate2::Compression::new(6));
            TableWriter::new(gzip, table.name(), &table.head(site), table.foot(date))
        };
        let mut xml = open("pages-articles-multistream.xml.bz2")?;
        let head = xml::head(site);
        let stream = batch::compress(head.as_bytes())?;
        xml.write_all(&stream)?;
        Ok(DumpFiles {
            pages: table(Table::Page)?,
            langlinks: table(Table::Langlinks)?,
            redirects: table(Table::Redirect)?,
            properties: table(Table::PageProps)?,
            xml,
            index: BzEncoder::new(
                open("pages-articles-multistream-index.txt.bz2")?,
                bzip2::Compression::best(),
            ),
            totals: Totals {
                n_xml_bytes: head.len() as u64,
                n_stream_bytes: stream.len() as u64,
                ..Totals::default()
            },
        })
    }

    /// Writes a batch; batches come in id order.
    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let offset = self.totals.n_stream_bytes;
        for (id, title) in &batch.index {
            writeln!(self.index, "{offset}:{id}:{title}")?;
        }
        self.xml.write_all(&batch.stream)?;
        self.pages.write(&batch.pages)?;
        self.langlinks.write(&batch.langlinks)?;
        self.redirects.write(&batch.redirects)?;
        self.properties.write(&batch.properties)?;
        self.totals.n_pages += batch.index.len() as u64;
        self.totals.n_langlinks += batch.langlinks.len() as u64;
        self.totals.n_redirects += batch.redirects.len() as u64;
        self.totals.n_xml_bytes += batch.n_xml_bytes;
        self.totals.n_stream_bytes += batch.stream.len() as u64;
        Ok(())
    }

    /// Writes what comes last in every file and returns the totals.
    pub fn finish(mut self) -> io::Result<Totals> {
        for table in [self.pages, self.langlinks, self.redirects, self.properties] {
            table.finish()?.finish()?.flush()?;
        }
        let stream = batch::compress(xml::FOOT.as_bytes())?;
        self.xml.write_all(&stream)?;
        self.xml.flush()?;
        self.index.finish()?.flush()?;
        self.totals.n_xml_bytes += xml::FOOT.len() as u64;
        self.totals.n_stream_bytes += stream.len() as u64;
        Ok(self.totals)
    }
}
