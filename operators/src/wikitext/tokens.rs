//! The first pass: one scan over the bytes that finds every special place and pairs the brackets.
//!
//! Linear on every input: openers lie on one stack, two side stacks tell where the nearest open
//! template and table are, and a tag whose closing tag was once missing is not searched again.

mod brackets;
mod lines;
mod scan;
mod specials;
mod tag;
mod words;

pub(super) use scan::tokenise;
pub(super) use specials::{Set, Specials};

/// Stands for "no partner" in [`Token::mate`].
pub(super) const NONE: u32 = u32::MAX;

/// What stands at a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// End of a source line.
    Newline,
    /// Vanishes: comment, quotes of bold and italic, known tag, behaviour switch.
    Skip,
    /// A switch such as `__DISAMBIG__`.
    Disambiguation,
    /// A footnote.
    Foot,
    /// Something with text of its own that is not kept.
    Hole,
    /// End of a paragraph within the line.
    Break,
    /// `<br>`.
    LineBreak,
    /// `<li>` and the like.
    Item,
    /// A space of another kind.
    Space,
    /// Literal text; `mate` holds the bytes of the closing tag.
    Literal,
    /// Literal text in its own block; `mate` as in `Literal`.
    Pre,
    /// A formula; `mate` as in `Literal`.
    Math,
    /// Raised digits; `mate` as in `Literal`.
    Sup,
    /// Lowered digits; `mate` as in `Literal`.
    Sub,
    /// `&…;`.
    Entity,
    /// Leading `*#:;`.
    List,
    /// The colon between a term and its definition.
    Definition,
    /// Leading `=`; `mate` holds the level.
    Heading,
    /// `|`.
    Pipe,
    /// `|` that begins a line.
    LinePipe,
    /// `!` that begins a line.
    LineBang,
    /// A lone bracket or brace that is text.
    Lone,
    /// A whole link without markup in it; `mate` holds the bytes up to its pipe, or none.
    Link,
    /// `{{`.
    TemplateOpen,
    /// `}}`.
    TemplateClose,
    /// `[[`.
    LinkOpen,
    /// `]]`.
    LinkClose,
    /// `[` and an address.
    ExternalOpen,
    /// The `]` after an address and label.
    ExternalClose,
    /// `{|`.
    TableOpen,
    /// `|}`.
    TableClose,
    /// `-{`.
    VariantOpen,
    /// `}-`.
    VariantClose,
}

impl Kind {
    /// Whether a token with a partner begins a pair.
    pub(super) fn opens(self) -> bool {
        matches!(
            self,
            Kind::TemplateOpen
                | Kind::LinkOpen
                | Kind::ExternalOpen
                | Kind::TableOpen
                | Kind::VariantOpen
        )
    }
}

/// A special place in the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// First byte.
    pub(super) pos: u32,
    /// Length in bytes.
    pub(super) len: u32,
    /// Index of the partner of a bracket, or a number that the kind explains.
    pub(super) mate: u32,
    /// What it is.
    pub(super) kind: Kind,
}

impl Token {
    /// First byte as an index.
    pub(super) fn start(&self) -> usize {
        self.pos as usize
    }

    /// Byte after the token as an index.
    pub(super) fn end(&self) -> usize {
        self.pos as usize + self.len as usize
    }

    /// Index of the closing partner when this opens a pair.
    pub(super) fn closer(&self) -> Option<usize> {
        (self.kind.opens() && self.mate != NONE).then_some(self.mate as usize)
    }
}

/// Every special place of a page, in order.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// The places.
    pub(super) list: Vec<Token>,
    /// Whether some table was opened and never closed.
    pub(super) has_open_table: bool,
}
