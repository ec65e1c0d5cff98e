//! What rows say beside their tokens: revisions, and how a document was found. It may change while
//! the texts of a pair stay; then rows are copied and stamped anew.

use crossic_operators::{
    record::{Identity, Side},
    retrieve::evidence::Evidence,
    segment::{Segment, Span},
};

use crate::sources::WikiInfo;

/// What the rows of one pair say.
pub(super) struct Stamp<'a> {
    /// The sides, each with its wiki or collection.
    pub(super) sides: [(&'a WikiInfo, Side); 2],
    /// How the document on the English side was found, if it is one.
    pub(super) evidence: Option<Evidence>,
}

impl Stamp<'_> {
    /// Puts the stamp on rows of the pair; returns whether any of them changed.
    pub(super) fn put(&self, rows: &mut [Segment]) -> bool {
        let mut changed = false;
        let [_, (_, target)] = &self.sides;
        // Where pairs were shuffled, the document was found for another article: it keeps its name
        // and address, but how well it answered is not said of this pair.
        let own = self.evidence.as_ref().filter(|it| it.page == target.page);
        let (score, retrieval) = (own.map(|it| it.score), own.map(Evidence::retrieval));
        for row in rows {
            if row.score != score || row.retrieval != retrieval {
                row.score = score;
                row.retrieval.clone_from(&retrieval);
                changed = true;
            }
            for span in &mut row.spans {
                changed |= self.put_on(span);
            }
        }
        changed
    }

    fn put_on(&self, span: &mut Span) -> bool {
        let mut sides = self.sides.iter();
        let found =
            sides.find(|(info, side)| info.wiki == span.wiki && side.identity() == span.identity());
        let Some((_, side)) = found else { return false };
        let (mut document, mut url) = (None, None);
        if let (Identity::Text(_), Some(evidence)) = (side.identity(), &self.evidence) {
            document = Some(evidence.document.clone());
            url = Some(evidence.url.clone());
        }
        let stamp = (side.text.revision, document, url);
        let changed = (span.revision, &span.document, &span.url) != (stamp.0, &stamp.1, &stamp.2);
        (span.revision, span.document, span.url) = stamp;
        changed
    }
}
