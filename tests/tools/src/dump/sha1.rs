//! SHA-1 in base 36, the way MediaWiki states the digest of a text.

use sha1::{Digest, Sha1};

/// Returns the SHA-1 digest of the bytes as 31 digits of base 36.
pub fn base36(bytes: &[u8]) -> String {
    let mut number: Vec<u8> = Sha1::digest(bytes).to_vec();
    let mut digits = Vec::with_capacity(31);
    for _ in 0..31 {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = (value / 36) as u8;
            remainder = value % 36;
        }
        digits.push(char::from_digit(remainder, 36).unwrap_or('0'));
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_text_has_the_digest_that_mediawiki_shows() {
        assert_eq!(base36(b""), "phoiac9h4m842xq45sp7s6u21eteeq1");
    }
}
