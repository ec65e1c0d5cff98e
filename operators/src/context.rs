//! What an operator may use while it is wired up: rejects, tallies, wanted pages, texts.

use std::{cell::RefCell, collections::BTreeMap, path::PathBuf, rc::Rc, sync::Arc};

use serde::{Deserialize, Serialize};
use timely::dataflow::{
    Scope, StreamVec,
    channels::pact::Pipeline,
    operators::{Concatenate, Operator, vec::Map},
};

use crate::{
    flow::{Epoch, Rows},
    memo::Memo,
    record::{Digest, PageId, SourceIndex},
    reject::{Reason, Reject, Subject},
    retrieve::library::Library,
    vocabulary::Vocabulary,
};

/// Cleaned texts by digest.
pub trait Texts: Send + Sync {
    /// Replaces `buffer` by the text of a digest; returns whether it could be read.
    ///
    /// A text that cannot be read ends the run: the implementer keeps the error.
    fn read(&self, digest: Digest, buffer: &mut String) -> bool;
}

/// What operators of all workers of a process share.
#[derive(Clone)]
pub struct Resources {
    /// Cleaned texts.
    pub texts: Arc<dyn Texts>,
    /// Answers about texts that are known already.
    pub memo: Arc<dyn Memo>,
    /// Vocabularies by the path that the pipeline file gives.
    pub vocabularies: BTreeMap<PathBuf, Arc<Vocabulary>>,
    /// The documents that are searched.
    pub library: Arc<dyn Library>,
    /// Workers of each process; what takes all cores runs on the first one.
    pub threads: usize,
}

/// A quantity of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Language links that came in.
    LinksIn,
    /// Language links that lead to an article.
    LinksResolved,
    /// Distinct pairs that links make.
    PairsLinked,
    /// Linked pairs by direction: only from the target language to English.
    PairsForward,
    /// Linked pairs by direction: only from English to the target language.
    PairsReverse,
    /// Linked pairs by direction: both.
    PairsMutual,
    /// Pages that were to get documents.
    PagesIn,
    /// Pages that got some.
    PagesAnswered,
    /// Pairs that came in.
    PairsIn,
    /// Pairs that went out.
    PairsOut,
}

/// Something to be counted: by stage, target source and measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// Position of the component among the operators of the pipeline, sorted by name.
    pub stage: u16,
    /// The target-language source concerned.
    pub target: SourceIndex,
    /// What is counted.
    pub measure: Measure,
}

/// What a stage has to say beside its output; signed, so that a retraction takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// A quantity.
    Tally(Tally),
    /// A refused record.
    Reject(Reject),
}

/// What several contexts of one worker add to.
type Shared<T> = Rc<RefCell<Vec<T>>>;

/// Everything the operators of one worker want to say, gathered while they are wired.
#[derive(Clone, Default)]
pub struct Gathered<'s> {
    outcomes: Shared<StreamVec<'s, Epoch, (Outcome, i64)>>,
    wanted: Shared<Rows<'s, (SourceIndex, PageId)>>,
}

impl<'s> Gathered<'s> {
    /// Returns the stream of all outcomes.
    pub fn outcomes(&self, scope: Scope<'s, Epoch>) -> StreamVec<'s, Epoch, (Outcome, i64)> {
        scope.concatenate(self.outcomes.take())
    }

    /// Returns the pages whose text some operator wants.
    pub fn wanted(&self, scope: Scope<'s, Epoch>) -> Rows<'s, (SourceIndex, PageId)> {
        differential_dataflow::collection::concatenate(scope, self.wanted.take())
    }
}

/// What an operator may use while it is wired up.
pub struct Context<'s> {
    /// The scope of the dataflow.
    pub scope: Scope<'s, Epoch>,
    stage: u16,
    resources: Resources,
    gathered: Gathered<'s>,
}

impl<'s> Context<'s> {
    /// Returns a context for the operator at position `stage`.
    pub fn new(
        scope: Scope<'s, Epoch>,
        stage: u16,
        resources: Resources,
        gathered: Gathered<'s>,
    ) -> Self {
        Context { scope, stage, resources, gathered }
    }

    /// Returns the position of the stage among the operators of the pipeline, sorted by name.
    pub fn stage(&self) -> u16 {
        self.stage
    }

    /// Returns the shared texts and vocabularies.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Sends refused records to the rejects of this stage.
    pub fn reject(&self, refused: Rows<'s, (Subject, Reason)>) {
        let stage = self.stage;
        let outcomes = refused.inner.map(move |((subject, reason), _, diff)| {
            (Outcome::Reject(Reject { stage, reason, subject }), i64::from(diff))
        });
        self.gathered.outcomes.borrow_mut().push(outcomes);
    }

    /// Counts rows under a measure, by the source and weight that `of` gives.
    pub fn tally<R: Clone + 'static>(
        &self,
        rows: &Rows<'s, R>,
        of: impl Fn(&R) -> (Measure, SourceIndex, i64) + 'static,
    ) {
        let stage = self.stage;
        let counts = rows.inner.clone().unary(Pipeline, "Tally", move |_, _| {
            move |input, output| {
                input.for_each(|capability, rows| {
                    let mut sums = BTreeMap::new();
                    for (row, _, diff) in rows.iter() {
                        let (measure, target, weight) = of(row);
                        let tally = Tally { stage, target, measure };
                        *sums.entry(tally).or_insert(0_i64) += weight * i64::from(*diff);
                    }
                    let mut session = output.session(&capability);
                    session.give_iterator(
                        sums.into_iter().map(|(tally, sum)| (Outcome::Tally(tally), sum)),
                    );
                });
            }
        });
        self.gathered.outcomes.borrow_mut().push(counts);
    }

    /// Asks the sources for the texts of pages.
    pub fn want(&self, pages: Rows<'s, (SourceIndex, PageId)>) {
        self.gathered.wanted.borrow_mut().push(pages);
    }

    /// Maps each row, sending those that `logic` refuses to the rejects.
    pub fn try_map<A: differential_dataflow::Data, B: differential_dataflow::Data>(
        &self,
        rows: Rows<'s, A>,
        subject: impl Fn(&A) -> Subject + 'static,
        mut logic: impl FnMut(&A) -> Result<B, Reason> + 'static,
    ) -> Rows<'s, B> {
        let both = rows.map(move |row| logic(&row).map_err(|reason| (subject(&row), reason)));
        self.reject(both.clone().flat_map(Result::err));
        both.flat_map(Result::ok)
    }
}
