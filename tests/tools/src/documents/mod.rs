//! The sample web documents: reads the sources that people write and packs them into parquet files.

pub mod pack;
pub mod source;
