//! What each HTML or extension tag does to the text around it.

/// What becomes of a tag and its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Contents vanish like a footnote.
    Foot,
    /// Contents vanish without a seam.
    Silent,
    /// Contents vanish and end the paragraph.
    Block,
    /// Contents vanish and leave a hole.
    Hole,
    /// A formula.
    Math,
    /// Contents are plain characters.
    Literal,
    /// Contents are plain characters in a block of their own.
    Pre,
    /// The tag itself ends the paragraph, its contents are text.
    Boundary,
    /// An item of an HTML list.
    Item,
    /// A line break.
    LineBreak,
    /// Raised text, written with superscript digits where it is short.
    Sup,
    /// Lowered text.
    Sub,
    /// The tag goes, its contents are text.
    Inline,
}

impl Tag {
    /// Whether everything up to the closing tag belongs to it.
    pub(super) fn is_opaque(self) -> bool {
        matches!(
            self,
            Tag::Foot | Tag::Silent | Tag::Block | Tag::Hole | Tag::Math | Tag::Literal | Tag::Pre
        )
    }
}

/// Longest known tag name, in bytes.
pub(super) const MAX_NAME: usize = 20;

/// Returns the tag of a lower-case name and the name with static lifetime, or none for text such as `<x`.
pub(super) fn classify(name: &[u8]) -> Option<(&'static str, Tag)> {
    TAGS.iter().find(|(known, _)| known.as_bytes() == name).map(|&(known, tag)| (known, tag))
}

/// Known tags, the common ones first because the search is linear.
const TAGS: &[(&str, Tag)] = &[
    ("ref", Tag::Foot),
    ("br", Tag::LineBreak),
    ("small", Tag::Inline),
    ("span", Tag::Inline),
    ("sup", Tag::Sup),
    ("sub", Tag::Sub),
    ("div", Tag::Boundary),
    ("math", Tag::Math),
    ("nowiki", Tag::Literal),
    ("center", Tag::Boundary),
    ("gallery", Tag::Block),
    ("references", Tag::Block),
    ("b", Tag::Inline),
    ("i", Tag::Inline),
    ("p", Tag::Boundary),
    ("u", Tag::Inline),
    ("s", Tag::Inline),
    ("big", Tag::Inline),
    ("font", Tag::Inline),
    ("blockquote", Tag::Boundary),
    ("li", Tag::Item),
    ("ul", Tag::Boundary),
    ("ol", Tag::Boundary),
    ("dl", Tag::Boundary),
    ("dt", Tag::Item),
    ("dd", Tag::Item),
    ("table", Tag::Block),
    ("tr", Tag::Boundary),
    ("td", Tag::Boundary),
    ("th", Tag::Boundary),
    ("tbody", Tag::Boundary),
    ("thead", Tag::Boundary),
    ("caption", Tag::Boundary),
    ("timeline", Tag::Block),
    ("score", Tag::Block),
    ("syntaxhighlight", Tag::Block),
    ("source", Tag::Block),
    ("graph", Tag::Block),
    ("imagemap", Tag::Block),
    ("inputbox", Tag::Block),
    ("mapframe", Tag::Block),
    ("categorytree", Tag::Block),
    ("templatedata", Tag::Block),
    ("maplink", Tag::Foot),
    ("templatestyles", Tag::Silent),
    ("indicator", Tag::Silent),
    ("style", Tag::Silent),
    ("script", Tag::Silent),
    ("includeonly", Tag::Silent),
    ("charinsert", Tag::Silent),
    ("rt", Tag::Silent),
    ("rp", Tag::Silent),
    ("rtc", Tag::Silent),
    ("languages", Tag::Silent),
    ("dynamicpagelist", Tag::Block),
    ("slideshow", Tag::Block),
    ("quiz", Tag::Block),
    ("chem", Tag::Hole),
    ("ce", Tag::Hole),
    ("hiero", Tag::Hole),
    ("phonos", Tag::Foot),
    ("pre", Tag::Pre),
    ("hr", Tag::Boundary),
    ("h1", Tag::Boundary),
    ("h2", Tag::Boundary),
    ("h3", Tag::Boundary),
    ("h4", Tag::Boundary),
    ("h5", Tag::Boundary),
    ("h6", Tag::Boundary),
    ("poem", Tag::Boundary),
    ("em", Tag::Inline),
    ("strong", Tag::Inline),
    ("code", Tag::Inline),
    ("tt", Tag::Inline),
    ("kbd", Tag::Inline),
    ("samp", Tag::Inline),
    ("var", Tag::Inline),
    ("cite", Tag::Inline),
    ("q", Tag::Inline),
    ("abbr", Tag::Inline),
    ("del", Tag::Inline),
    ("ins", Tag::Inline),
    ("strike", Tag::Inline),
    ("ruby", Tag::Inline),
    ("rb", Tag::Inline),
    ("bdi", Tag::Inline),
    ("bdo", Tag::Inline),
    ("mark", Tag::Inline),
    ("dfn", Tag::Inline),
    ("time", Tag::Inline),
    ("data", Tag::Inline),
    ("wbr", Tag::Inline),
    ("noinclude", Tag::Inline),
    ("onlyinclude", Tag::Inline),
    ("section", Tag::Inline),
    ("langconvert", Tag::Inline),
    ("translate", Tag::Inline),
    ("tvar", Tag::Inline),
    // Not allowed in wikitext, but authors try them; as text they would only be noise.
    ("a", Tag::Inline),
    ("img", Tag::Inline),
    ("html", Tag::Inline),
    ("body", Tag::Inline),
    ("col", Tag::Inline),
    ("colgroup", Tag::Inline),
    ("link", Tag::Inline),
    ("meta", Tag::Inline),
    ("noscript", Tag::Inline),
    ("label", Tag::Inline),
    ("nobr", Tag::Inline),
    ("blink", Tag::Inline),
    ("bgcolor", Tag::Inline),
    ("bold", Tag::Inline),
    ("italic", Tag::Inline),
    ("smaller", Tag::Inline),
    ("larger", Tag::Inline),
    ("sm", Tag::Inline),
    ("tfoot", Tag::Boundary),
    ("article", Tag::Boundary),
    ("figure", Tag::Boundary),
    ("figcaption", Tag::Boundary),
];
