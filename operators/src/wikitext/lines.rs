//! The third pass: gathers the lines of the draft into paragraphs.

use memchr::{memchr2, memchr2_iter, memmem};

use super::marks::{HEAD, LINK, LIST, UNLINK, is_seam};
use super::names::trim;
use super::render::Draft;
use super::repair::Repair;
use super::tokens::{Set, Specials};
use super::{Cleaned, Headings, Options, Site};

/// A link in a piece of text: index of its target, first byte, byte after the last.
type Place = (usize, usize, usize);

/// Text that grows towards a paragraph.
#[derive(Default)]
struct Piece {
    text: String,
    links: Vec<Place>,
}

/// State of the third pass.
struct Builder<'a> {
    site: &'a Site,
    options: &'a Options,
    /// Links of finished paragraphs: number of the target, paragraph, first byte, byte after.
    links: Vec<(usize, u32, u32, u32)>,
    /// Links whose mark has been read.
    n_links: usize,
    current: Piece,
    is_list: bool,
    /// Headings that wait for text, with their levels, outermost first.
    pending: Vec<(u32, Piece)>,
    /// Level of the boilerplate section that is being skipped.
    skipped: Option<u32>,
    repair: Repair,
    /// Places of the link marks in a mended line, reused for each line.
    moved: Vec<usize>,
    /// Links whose label has not ended, reused for each line.
    open: Vec<usize>,
    /// A line without runs of spaces, and the places of its link marks, reused for each line.
    squeezed: (String, Vec<usize>),
    cleaned: Cleaned,
}

/// Returns the paragraphs and links of a draft.
pub(super) fn paragraphs(draft: Draft, site: &Site, options: &Options) -> Cleaned {
    let mut builder = Builder {
        site,
        options,
        links: Vec::new(),
        open: Vec::new(),
        squeezed: (String::new(), Vec::new()),
        n_links: 0,
        current: Piece::default(),
        is_list: false,
        pending: Vec::new(),
        skipped: None,
        repair: Repair::default(),
        moved: Vec::new(),
        cleaned: Cleaned { disambiguation: draft.disambiguation, ..Cleaned::default() },
    };
    let mut marks = Specials::default();
    marks.mark(draft.text.as_bytes(), Set::Marks);
    let bytes = draft.text.as_bytes();
    let mut start = 0;
    let mut has_seam = false;
    // Places of the link marks of the line, which has no others when it has no seam.
    let mut link_marks = Vec::new();
    let has_runs = memmem::find(bytes, b"  ").is_some();
    let mut at = 0;
    loop {
        let place = marks.next(at);
        let end = place.unwrap_or(bytes.len());
        match bytes.get(end) {
            None | Some(b'\n' | 5) => {
                let line = draft.text.get(start..end).unwrap_or_default();
                match has_runs && line.contains("  ") {
                    true => builder.line_with_runs(line, has_seam),
                    false => builder.line(line, has_seam, &link_marks),
                }
                if bytes.get(end) == Some(&5) {
                    builder.end_paragraph();
                }
                link_marks.clear();
                (start, has_seam) = (end + 1, false);
            }
            Some(1 | 2 | 8) => has_seam = true,
            Some(3 | 4) => link_marks.push(end - start),
            _ => {}
        }
        if place.is_none() {
            break;
        }
        at = end + 1;
    }
    builder.end_paragraph();
    let links = draft.targets.links(&builder.links);
    Cleaned { links, ..builder.cleaned }
}

impl Builder<'_> {
    /// Takes a line in which spaces follow each other: a reader sees one of each run.
    fn line_with_runs(&mut self, line: &str, has_seam: bool) {
        let (mut text, mut marks) = std::mem::take(&mut self.squeezed);
        text.clear();
        for (index, piece) in line.split("  ").enumerate() {
            if 0 < index && !text.ends_with(' ') {
                text.push(' ');
            }
            text.push_str(if text.ends_with(' ') { piece.trim_start_matches(' ') } else { piece });
        }
        marks.clear();
        marks.extend(memchr2_iter(3, 4, text.as_bytes()));
        self.line(&text, has_seam, &marks);
        self.squeezed = (text, marks);
    }

    /// Takes a line with the places of its link marks.
    fn line(&mut self, line: &str, has_seam: bool, marks: &[usize]) {
        if line.is_empty() {
            return self.end_paragraph();
        }
        if let Some(rest) = line.strip_prefix(HEAD) {
            return self.heading(rest);
        }
        let is_list = line.starts_with(LIST);
        if self.skipped.is_some() || (is_list && !self.options.lists) {
            self.end_paragraph();
            return self.skip_links(line, marks);
        }
        let bare = line.strip_prefix(LIST).unwrap_or(line);
        if !has_seam {
            return self.text_line(line, marks, is_list, 0, trim(bare).is_empty());
        }
        let mut repair = std::mem::take(&mut self.repair);
        let (text, n_holes) = repair.mend(bare);
        let mut moved = std::mem::take(&mut self.moved);
        moved.clear();
        moved.extend(memchr2_iter(3, 4, text.as_bytes()));
        // A footnote alone on its line joins its neighbours, a template or an image parts them.
        let is_gap = memchr2(1, 8, line.as_bytes()).is_some();
        self.text_line(text, &moved, is_list, n_holes, is_gap);
        self.moved = moved;
        self.repair = repair;
    }

    /// Adds a mended line to the paragraph; one without text parts paragraphs if it is a gap.
    fn text_line(
        &mut self,
        text: &str,
        marks: &[usize],
        is_list: bool,
        n_holes: u32,
        is_gap: bool,
    ) {
        if !text.chars().any(char::is_alphanumeric) {
            if is_gap {
                self.end_paragraph();
            }
            return self.skip_links(text, marks);
        }
        if is_list != self.is_list {
            self.end_paragraph();
            self.is_list = is_list;
        }
        self.cleaned.n_holes = self.cleaned.n_holes.saturating_add(n_holes);
        if !self.current.text.is_empty() && (is_list || !text.starts_with(clings)) {
            self.current.text.push('\n');
        }
        self.current.push_line(text, marks, &mut self.n_links, &mut self.open);
    }

    fn skip_links(&mut self, line: &str, marks: &[usize]) {
        let is_link = |place: &&usize| line.as_bytes().get(**place) == Some(&3);
        self.n_links += marks.iter().filter(is_link).count();
    }

    fn heading(&mut self, line: &str) {
        self.end_paragraph();
        let level = line.chars().next().and_then(|c| c.to_digit(10)).unwrap_or(6);
        let is_edge = |c: char| c.is_whitespace() || is_seam(c);
        let mut text = line.get(1..).unwrap_or_default().trim_end_matches(is_edge);
        for _ in 0..level {
            text = text.strip_suffix('=').unwrap_or(text);
        }
        self.pending.retain(|(other, _)| *other < level);
        if self.skipped.is_some_and(|skipped| skipped < level) {
            let marks: Vec<_> = memchr2_iter(3, 4, line.as_bytes()).collect();
            return self.skip_links(line, &marks);
        }
        let mut repair = std::mem::take(&mut self.repair);
        let (text, _) = repair.mend(text);
        let mut piece = Piece::default();
        let marks: Vec<_> = memchr2_iter(3, 4, text.as_bytes()).collect();
        piece.push_line(text, &marks, &mut self.n_links, &mut self.open);
        self.repair = repair;
        let title = piece.text.trim_end_matches([':', '：', ' ']).to_lowercase();
        let is_skipped = !self.options.boilerplate && self.site.is_boilerplate(&title);
        self.skipped = is_skipped.then_some(level);
        let is_visible = piece.text.chars().any(char::is_alphanumeric);
        if is_visible && !is_skipped && self.options.headings != Headings::Drop {
            self.pending.push((level, piece));
        }
    }

    /// Closes the paragraph and writes it with the headings that waited for it.
    fn end_paragraph(&mut self) {
        if self.current.text.is_empty() {
            return;
        }
        let mut text = String::new();
        if !self.pending.is_empty() {
            for (_, heading) in std::mem::take(&mut self.pending) {
                if self.options.headings == Headings::Keep {
                    self.place_links(&heading, 0);
                    self.cleaned.paragraphs.push(heading.text);
                    continue;
                }
                self.place_links(&heading, text.len());
                text.push_str(&heading.text);
                text.push('\n');
            }
        }
        let body = std::mem::take(&mut self.current);
        self.place_links(&body, text.len());
        text.push_str(&body.text);
        text.shrink_to_fit();
        self.cleaned.paragraphs.push(text);
        // The buffers of the body serve the next paragraph too.
        self.current = body.cleared();
    }

    /// Notes the links of a piece that begins at a byte of the paragraph to come.
    fn place_links(&mut self, piece: &Piece, shift: usize) {
        let paragraph = self.cleaned.paragraphs.len() as u32;
        for (target, start, end) in &piece.links {
            self.links.push((*target, paragraph, (start + shift) as u32, (end + shift) as u32));
        }
    }
}

/// Whether a character never begins a line: what stood before it there was a footnote.
fn clings(c: char) -> bool {
    matches!(c, '。' | '、' | '，' | '．' | '」' | '』' | '）' | '；' | '،' | ',' | ';')
}

impl Piece {
    /// Adds a line, trimmed, and turns its link marks into places.
    fn push_line(
        &mut self,
        line: &str,
        marks: &[usize],
        n_links: &mut usize,
        open: &mut Vec<usize>,
    ) {
        let base = self.text.len();
        if marks.is_empty() {
            return self.text.push_str(trim(line.trim_start_matches(LIST)));
        }
        let first = self.links.len();
        open.clear();
        self.text.reserve(line.len());
        let mut from = usize::from(line.starts_with(LIST));
        for &place in marks {
            self.push_text(base, line.get(from..place).unwrap_or_default());
            if line.as_bytes().get(place) == Some(&(LINK as u8)) {
                open.push(self.links.len());
                self.links.push((*n_links, self.text.len(), usize::MAX));
                *n_links += 1;
            } else if let Some((.., end)) = open.pop().and_then(|index| self.links.get_mut(index)) {
                *end = self.text.len();
            }
            from = place + UNLINK.len_utf8();
        }
        self.push_text(base, line.get(from..).unwrap_or_default());
        let length = self.text.get(base..).unwrap_or_default().trim_end().len();
        self.text.truncate(base + length);
        for (_, start, end) in self.links.iter_mut().skip(first) {
            *end = (*end).min(base + length);
            // A label begins and ends with something visible.
            let label = self.text.get(*start..*end).unwrap_or_default();
            let trimmed = trim(label);
            if trimmed.len() < label.len() {
                *start = *end - label.trim_start().len();
                *end = *start + trimmed.len();
            }
        }
        // Only the links of this line: a list may have thousands of lines.
        if self.links.iter().skip(first).any(|(_, start, end)| end <= start) {
            let links = self.links.split_off(first);
            self.links.extend(links.into_iter().filter(|(_, start, end)| start < end));
        }
    }

    fn push_text(&mut self, base: usize, text: &str) {
        let text = if self.text.len() == base { text.trim_start() } else { text };
        self.text.push_str(text);
    }

    /// Returns the piece without text and links.
    fn cleared(mut self) -> Piece {
        self.text.clear();
        self.links.clear();
        self
    }
}
