//! Laid-out windows to tokens: reads rows, and says of every token where it stands and whether it is learned.

use crate::{
    data::{
        corpus::{CorpusInfo, Row, Rows},
        sampler::{Layout, Piece},
        window::{NO_LANGUAGE, Window},
    },
    error::{Error, Result},
    settings::{Attention, LossOn, Settings},
};

/// The language code that `loss-on` means by English.
const ENGLISH: &str = "en";

/// What of corpus and settings decides the content of a window.
///
/// A token is learned if it has something before it that it may attend to: never the first of a window, and with
/// `attention = "segment"` never the first of a segment, but for the one after the BOS. `loss-on` chooses among the
/// tokens of languages; with `target` and `english`, tokens that belong to no language are not learned. Closing tokens
/// are learned if and only if `split-loss` says so, whatever `loss-on` says.
#[derive(Clone, Debug)]
pub struct Assembler {
    bos: Option<u32>,
    attention: Attention,
    loss_on: LossOn,
    split_loss: bool,
    /// Position of English among the languages of the corpus, if it is there.
    english: Option<u16>,
}

impl Assembler {
    /// Returns the assembler for a corpus.
    ///
    /// # Errors
    ///
    /// `loss-on` names a side that the corpus does not have.
    pub fn new(info: &CorpusInfo, settings: &Settings) -> Result<Assembler> {
        let english = info.languages.iter().position(|it| it == ENGLISH);
        let english = english.and_then(|it| u16::try_from(it).ok());
        let n_targets = info.languages.len() - usize::from(english.is_some());
        let missing = match settings.loss_on {
            LossOn::All => false,
            LossOn::English => english.is_none(),
            LossOn::Target => n_targets == 0,
        };
        if missing {
            return Err(Error::refused(
                format!(
                    "`loss-on = \"{}\"` leaves nothing to learn: the corpus is in {}",
                    settings.loss_on.name(),
                    info.languages.join(", ")
                ),
                "set `loss-on = \"all\"`",
            ));
        }
        Ok(Assembler {
            bos: info.bos_id,
            attention: settings.attention,
            loss_on: settings.loss_on,
            split_loss: settings.split_loss,
            english,
        })
    }

    /// Returns windows with their tokens. A row that goes on in the next window is read once.
    ///
    /// # Errors
    ///
    /// A row cannot be read, or is not as long as it was when windows were laid out.
    pub fn windows(&self, rows: &dyn Rows, layouts: &[Layout]) -> Result<Vec<Window>> {
        let mut last: Option<(u32, Row)> = None;
        layouts.iter().map(|layout| self.window(rows, layout, &mut last)).collect()
    }

    fn window(
        &self,
        rows: &dyn Rows,
        layout: &[Piece],
        last: &mut Option<(u32, Row)>,
    ) -> Result<Window> {
        let n_tokens: u32 = layout.iter().map(Piece::n_tokens).sum();
        let mut window = empty(n_tokens as usize + usize::from(self.bos.is_some()));
        if let Some(bos) = self.bos {
            let bos = Token { id: bos, position: 0, segment: 0, language: NO_LANGUAGE };
            push(&mut window, bos, false);
        }
        for (segment, piece) in layout.iter().enumerate() {
            let row = match last.take() {
                Some((number, row)) if number == piece.row => row,
                _ => rows.read(piece.row as usize)?,
            };
            self.add(&mut window, segment as u32, *piece, &row)?;
            *last = Some((piece.row, row));
        }
        Ok(window)
    }

    /// Adds the tokens of a piece to a window.
    fn add(&self, window: &mut Window, segment: u32, piece: Piece, row: &Row) -> Result<()> {
        let ids = row.ids.get(piece.start as usize..piece.end as usize).ok_or_else(|| {
            let what = format!("row {} has {} tokens, fewer than before", row.id, row.ids.len());
            Error::refused(what, "the corpus has changed while it was read: start again")
        })?;
        // The BOS belongs to the first segment, and is its position 0.
        let first = match self.attention {
            Attention::Segment if segment != 0 => 0,
            Attention::Segment | Attention::Causal => window.len() as u32,
        };
        let mut spans = row.spans.iter().peekable();
        for ((position, place), id) in (first..).zip(piece.start..).zip(ids) {
            while spans.next_if(|it| it.end <= place).is_some() {}
            let closing = place as usize + 1 == row.ids.len();
            let span = spans.peek().filter(|it| !closing && it.start <= place);
            let language = span.map_or(NO_LANGUAGE, |it| it.language);
            let learned = self.sees_something(window, segment)
                && if closing { self.split_loss } else { self.chooses(language) };
            push(window, Token { id: *id, position, segment, language }, learned);
        }
        window.rows.push(row.id);
        Ok(())
    }

    /// Returns whether the next token of a window may attend to any before it.
    fn sees_something(&self, window: &Window, segment: u32) -> bool {
        match self.attention {
            Attention::Causal => !window.is_empty(),
            Attention::Segment => window.segments.last() == Some(&segment),
        }
    }

    /// Returns whether `loss-on` chooses the tokens of a language.
    fn chooses(&self, language: u16) -> bool {
        match self.loss_on {
            LossOn::All => true,
            LossOn::English => Some(language) == self.english,
            LossOn::Target => language != NO_LANGUAGE && Some(language) != self.english,
        }
    }
}

/// A token of a window.
struct Token {
    id: u32,
    position: u32,
    segment: u32,
    language: u16,
}

/// Returns a window without tokens that has room for some.
fn empty(n_tokens: usize) -> Window {
    Window {
        ids: Vec::with_capacity(n_tokens),
        positions: Vec::with_capacity(n_tokens),
        segments: Vec::with_capacity(n_tokens),
        learned: Vec::with_capacity(n_tokens),
        languages: Vec::with_capacity(n_tokens),
        rows: Vec::new(),
    }
}

fn push(window: &mut Window, token: Token, learned: bool) {
    window.ids.push(token.id);
    window.positions.push(token.position);
    window.segments.push(token.segment);
    window.languages.push(token.language);
    window.learned.push(learned);
}

#[cfg(test)]
mod tests;
