//! Tells how a file is compressed by its first bytes: names lie, these do not.

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Not compressed, as far as one can see.
    Plain,
    /// One or more gzip members.
    Gzip,
    /// One or more bzip2 streams.
    Bzip2,
    /// Something that is recognised but not read; its name.
    Unsupported(&'static str),
}

/// How many bytes [`detect`] wants to see, if the file has them.
pub(crate) const N_MAGIC_BYTES: usize = 13;

/// Returns the format of a file that begins with `head`.
pub(crate) fn detect(head: &[u8]) -> Format {
    match head {
        [0x1f, 0x8b, ..] => Format::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Format::Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Format::Unsupported("xz"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Format::Unsupported("7z"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Format::Unsupported("zstd"),
        [b'P', b'K', 3, 4, ..] => Format::Unsupported("zip"),
        // An .lzma file has no magic, but its properties byte and dictionary size are nearly always
        // these, and no text has a NUL in its second and third byte unless it is UTF-32.
        [0x5d, 0, 0, ..] => Format::Unsupported("lzma"),
        _ => Format::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, detect};

    #[test]
    fn recognises_each_format() {
        for (head, expected) in [
            (&b""[..], Format::Plain),
            (b"<mediawiki>", Format::Plain),
            (b"BZh", Format::Plain),
            (b"BZh0", Format::Plain),
            (b"BZh91AY", Format::Bzip2),
            (b"\x1f\x8b\x08", Format::Gzip),
            (b"\xfd7zXZ\0\0", Format::Unsupported("xz")),
            (b"7z\xbc\xaf\x27\x1c", Format::Unsupported("7z")),
            (b"\x28\xb5\x2f\xfd", Format::Unsupported("zstd")),
            (b"\x5d\0\0\x80\0", Format::Unsupported("lzma")),
        ] {
            assert_eq!(detect(head), expected, "{head:?}");
        }
    }
}
