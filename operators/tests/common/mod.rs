//! One harness for the operators of the dataflow: rows over epochs in, what is left at the end out.

#![allow(dead_code, reason = "each test program uses some of them")]

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex},
    time::Duration,
};

use crossic_operators::{
    context::{Context, Gathered, Outcome, Resources, Texts},
    flow::{Documents, Epoch, Flow, Kind, Wiki},
    memo::Forgetful,
    operator::{self, Operator},
    record::{Article, Digest, Langlink, PageId, Pair, Redirect, SourceIndex, Title},
    retrieve::library::{Empty, EncodedFile},
};
use differential_dataflow::{Data, VecCollection, input::InputSession};
use timely::dataflow::operators::{probe::Handle, vec::Map};

/// A row of an input of the operator under test, which stands at the given position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    Title(Title),
    Link(Langlink),
    Redirect(Redirect),
    Disambiguation(PageId),
    Article(PageId, Article),
    Pair(Pair),
    File(EncodedFile),
}

/// Signed rows by input.
pub type Changes = Vec<(usize, Row, i32)>;

/// Counted records without zeros.
pub type Counted<R> = BTreeMap<R, i64>;

/// What an operator has said when all epochs are over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub pairs: Counted<Pair>,
    pub outcomes: Counted<Outcome>,
    pub wanted: Counted<(SourceIndex, PageId)>,
}

/// Adds to a count and forgets it when it is zero.
pub fn add<R: Ord>(counted: &mut Counted<R>, record: R, n: i64) {
    match counted.entry(record) {
        Entry::Vacant(entry) if n != 0 => {
            entry.insert(n);
        }
        Entry::Vacant(_) => {}
        Entry::Occupied(mut entry) => {
            *entry.get_mut() += n;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// Texts that lie in memory.
#[derive(Default)]
pub struct MemoryTexts(pub BTreeMap<Digest, String>);

impl Texts for MemoryTexts {
    fn read(&self, digest: Digest, buffer: &mut String) -> bool {
        buffer.clear();
        self.0.get(&digest).map(|text| buffer.push_str(text)).is_some()
    }
}

/// Returns resources for operators that read no text.
pub fn no_texts() -> Resources {
    Resources {
        texts: Arc::new(MemoryTexts::default()),
        memo: Arc::new(Forgetful),
        vocabularies: BTreeMap::new(),
        library: Arc::new(Empty),
        threads: 1,
    }
}

/// Makes an operator as the pipeline file does, from the inline table of its knobs.
pub fn operator(name: &str, knobs: &str) -> Box<dyn Operator> {
    let descriptor = operator::ALL.iter().find(|it| it.name == name).expect("operator exists");
    let value = toml::de::ValueDeserializer::parse(knobs).expect("knobs are TOML");
    let operator = (descriptor.parse)(value).expect("knobs fit");
    assert_eq!(operator.misfit(), None);
    operator
}

/// Runs an operator over epochs of changes on so many workers; each epoch is finished before the
/// next one starts, so that every retraction meets old state.
pub fn run(
    name: &str,
    knobs: &str,
    n_inputs: usize,
    epochs: &[Changes],
    resources: &Resources,
    n_workers: usize,
) -> Output {
    let operator = operator(name, knobs);
    let epochs = epochs.to_vec();
    let resources = resources.clone();
    let output = Arc::new(Mutex::new(Output::default()));
    let shared = Arc::clone(&output);
    let guards = timely::execute(timely::Config::process(n_workers), move |worker| {
        let probe = Handle::new();
        let mut inputs: Vec<Input> = (0..n_inputs).map(|_| Input::new()).collect();
        worker.dataflow::<Epoch, _, _>(|scope| {
            let gathered = Gathered::default();
            let cx = Context::new(scope, STAGE, resources.clone(), gathered.clone());
            let takes = operator.inputs();
            let kind = |source: SourceIndex| match takes.last {
                Some(last) if usize::from(source) + 1 == n_inputs => last,
                _ => takes.kind,
            };
            let flows = inputs.iter_mut().zip(0..).map(|(input, source)| match kind(source) {
                Kind::Wiki => Flow::Wiki(Wiki {
                    source,
                    titles: input.titles.to_collection(scope),
                    links: input.links.to_collection(scope),
                    redirects: input.redirects.to_collection(scope),
                    disambiguations: input.disambiguations.to_collection(scope),
                    articles: input.articles.to_collection(scope),
                }),
                Kind::Documents => {
                    let files = input.files.to_collection(scope).inner.map(|(file, ..)| file);
                    Flow::Documents(Documents { source, files })
                }
                _ => Flow::Pairs(input.pairs.to_collection(scope)),
            });
            let flow = operator.build(&cx, flows.collect());
            keep(flow.pairs(), &shared, |output| &mut output.pairs).probe_with(&probe);
            keep(gathered.wanted(scope), &shared, |output| &mut output.wanted).probe_with(&probe);
            let outcomes = VecCollection::new(outcomes_as_rows(gathered.outcomes(scope)));
            keep(outcomes, &shared, |output| &mut output.outcomes).probe_with(&probe);
        });
        for (changes, epoch) in epochs.iter().zip(0..) {
            let mine =
                changes.iter().zip(0..).filter(|(_, n)| n % worker.peers() == worker.index());
            for ((input, row, diff), _) in mine {
                inputs[*input].change(*row, *diff);
            }
            inputs.iter_mut().for_each(|input| input.advance_to(epoch + 1));
            while probe.less_than(&(epoch + 1)) {
                worker.step_or_park(Some(Duration::from_millis(1)));
            }
        }
    })
    .expect("workers start");
    for result in guards.join() {
        result.expect("a worker finishes");
    }
    let output = output.lock().expect("no worker panicked");
    output.clone()
}

/// Where the operator under test stands among the operators.
pub const STAGE: u16 = 3;

pub struct Input {
    pub titles: InputSession<Epoch, Title, i32>,
    pub links: InputSession<Epoch, Langlink, i32>,
    pub redirects: InputSession<Epoch, Redirect, i32>,
    pub disambiguations: InputSession<Epoch, PageId, i32>,
    pub articles: InputSession<Epoch, (PageId, Article), i32>,
    pub pairs: InputSession<Epoch, Pair, i32>,
    pub files: InputSession<Epoch, EncodedFile, i32>,
}

impl Input {
    pub fn new() -> Input {
        Input {
            titles: InputSession::new(),
            links: InputSession::new(),
            redirects: InputSession::new(),
            disambiguations: InputSession::new(),
            articles: InputSession::new(),
            pairs: InputSession::new(),
            files: InputSession::new(),
        }
    }

    pub fn change(&mut self, row: Row, diff: i32) {
        match row {
            Row::Title(title) => self.titles.update(title, diff),
            Row::Link(link) => self.links.update(link, diff),
            Row::Redirect(redirect) => self.redirects.update(redirect, diff),
            Row::Disambiguation(page) => self.disambiguations.update(page, diff),
            Row::Article(page, article) => self.articles.update((page, article), diff),
            Row::Pair(pair) => self.pairs.update(pair, diff),
            Row::File(file) => self.files.update(file, diff),
        }
    }

    pub fn advance_to(&mut self, epoch: Epoch) {
        advance(&mut self.titles, epoch);
        advance(&mut self.links, epoch);
        advance(&mut self.redirects, epoch);
        advance(&mut self.disambiguations, epoch);
        advance(&mut self.articles, epoch);
        advance(&mut self.pairs, epoch);
        advance(&mut self.files, epoch);
    }
}

fn advance<R: Data>(session: &mut InputSession<Epoch, R, i32>, epoch: Epoch) {
    session.advance_to(epoch);
    session.flush();
}

type Signed<'s, R> = timely::dataflow::StreamVec<'s, Epoch, (R, Epoch, i32)>;

fn outcomes_as_rows<'s>(
    outcomes: timely::dataflow::StreamVec<'s, Epoch, (Outcome, i64)>,
) -> Signed<'s, Outcome> {
    outcomes.map(|(outcome, n)| (outcome, 0, i32::try_from(n).expect("small wikis")))
}

/// Adds every change of a collection to the shared output.
fn keep<'s, R: Data>(
    rows: VecCollection<'s, Epoch, R, i32>,
    output: &Arc<Mutex<Output>>,
    part: impl Fn(&mut Output) -> &mut Counted<R> + 'static,
) -> VecCollection<'s, Epoch, R, i32> {
    let output = Arc::clone(output);
    rows.inspect(move |(row, _, diff)| {
        let mut output = output.lock().expect("no worker panicked");
        add(part(&mut output), row.clone(), i64::from(*diff));
    })
}
