//! The templates that the tables do not know, so that a maintainer can fill them.

use super::{Headings, MAX_BYTES, Options, Site, names::normalise_name, render, tokens};

/// A use of a template that no table knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTemplate {
    /// Its name: lower case, single spaces for underscores.
    pub name: String,
    /// How the page uses it, cut after 160 bytes, on one line.
    pub example: String,
    /// Whether it stands in a line of text, where a hole would be seen.
    pub is_inline: bool,
}

/// Longest example, in bytes.
const MAX_EXAMPLE: usize = 160;

/// Returns the templates of a page that no table knows, in the order of the page.
///
/// Only those that the cleaner meets: what stands in a footnote, a table or an infobox is no text.
///
/// ```
/// use crossic_operators::wikitext::{Site, unknown_templates};
/// let found = unknown_templates("a {{no such one|x}} b {{nowrap|c}}", &Site::new("en", &[]));
/// assert_eq!((found.len(), found[0].name.as_str()), (1, "no such one"));
/// ```
pub fn unknown_templates(wikitext: &str, site: &Site) -> Vec<UnknownTemplate> {
    let source = wikitext.get(..wikitext.floor_char_boundary(MAX_BYTES)).unwrap_or(wikitext);
    let tokens = tokens::tokenise(source, site.has_variants());
    let options =
        Options { headings: Headings::Glue, lists: true, boilerplate: false, math: false };
    let places = render::unknown_templates(source, &tokens, site, &options);
    places.into_iter().filter_map(|(start, end)| unknown(source, start, end)).collect()
}

/// Returns the template whose name begins at `start` and whose braces end at `end`.
fn unknown(source: &str, start: usize, end: usize) -> Option<UnknownTemplate> {
    let raw = source.get(start..end)?;
    let mut name = String::new();
    let title = raw.split(['|', '}']).next().unwrap_or_default();
    normalise_name(title, &mut name);
    let is_name = !name.is_empty() && !name.contains(['{', '<', '[']) && name.len() <= 255;
    let cut = raw.get(..raw.floor_char_boundary(MAX_EXAMPLE)).unwrap_or_default();
    let before = source.get(..start)?.trim_end_matches('{');
    let after = source.get(end..)?;
    let is_inline = !raw.contains('\n')
        && (!before.is_empty() && !before.ends_with('\n')
            || !after.is_empty() && !after.starts_with('\n'));
    is_name.then(|| UnknownTemplate {
        name,
        example: format!("{{{{{}", cut.split_whitespace().collect::<Vec<_>>().join(" ")),
        is_inline,
    })
}
