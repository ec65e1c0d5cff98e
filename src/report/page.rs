//! stub
pub fn page(_: &crate::manifest::Manifest, _: &super::Report) -> String {
    String::new()
}
