//! The sample wikis: reads the sources that people write and packs them into dumps.

pub mod pack;
pub mod siteinfo;
pub mod source_page;
pub mod wiki;
