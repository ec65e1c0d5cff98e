//! What two readings of one file must have in common.

/// Returns whether two readings of a file agree: what came up to the end or the first error, and
/// whether there was an error.
///
/// Where packed data is damaged, small steps may give more of what comes before the damage.
pub fn agree<T: PartialEq>(file: &[u8], one: &(Vec<T>, bool), other: &(Vec<T>, bool)) -> bool {
    let is_packed = file.starts_with(b"\x1f\x8b") || file.starts_with(b"BZh");
    let is_part = one.0.starts_with(&other.0) || other.0.starts_with(&one.0);
    one.1 == other.1 && if is_packed && one.1 { is_part } else { one.0 == other.0 }
}
