//! A batch of pages in the form in which it goes to the files: one compressed stream and rows of
//! four tables.
//!
//! Making a batch is the costly part and touches no file, so that many can be made at once.

use std::io::{self, Write};

use bzip2::{Compression, write::BzEncoder};

use crate::dump::{page::Page, site::Site, sql::Rows, tables, xml};

/// Pages, ready to be written.
#[derive(Debug)]
pub struct Batch {
    /// A complete bzip2 stream with the pages.
    pub stream: Vec<u8>,
    /// Page ids and full titles, in the order of the stream.
    pub index: Vec<(u32, String)>,
    /// Rows of the page table.
    pub pages: Rows,
    /// Rows of the langlinks table.
    pub langlinks: Rows,
    /// Rows of the redirect table.
    pub redirects: Rows,
    /// Rows of the page_props table.
    pub properties: Rows,
    /// The size of the XML before compression, in bytes.
    pub n_xml_bytes: u64,
}

impl Batch {
    /// Encodes the pages, which must come in id order.
    pub fn encode(site: &Site, pages: &[Page]) -> io::Result<Self> {
        let (mut page_rows, mut langlinks) = (Rows::default(), Rows::default());
        let (mut redirects, mut properties) = (Rows::default(), Rows::default());
        let mut xml = String::new();
        let mut index = Vec::with_capacity(pages.len());
        for page in pages {
            xml::push_page(&mut xml, site, page);
            tables::push_page(&mut page_rows, site, page);
            tables::push_links(&mut langlinks, &mut redirects, &mut properties, page);
            index.push((page.id, site.full_title(page.namespace, &page.title)));
        }
        Ok(Batch {
            stream: compress(xml.as_bytes())?,
            index,
            pages: page_rows,
            langlinks,
            redirects,
            properties,
            n_xml_bytes: xml.len() as u64,
        })
    }
}

/// Returns the bytes as one bzip2 stream.
pub fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = BzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
