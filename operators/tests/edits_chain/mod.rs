//! One running dataflow of `join-langlinks`, `filter-pairs` and `shuffle-pairs`: signed rows in,
//! epoch by epoch; what each of them has said after every epoch out.

use std::{
    any::Any,
    collections::BTreeMap,
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use crossic_operators::{
    context::{Context, Gathered, Outcome},
    flow::{Epoch, Flow, Wiki},
    operator::Operator,
    record::{PageId, Pair, SourceIndex},
};
use differential_dataflow::{Data, VecCollection};
use timely::{
    WorkerConfig,
    communication::{
        Hooks,
        allocator::{
            AllocatorBuilder, ProcessBuilder,
            zero_copy::initialize::initialize_networking_from_sockets,
        },
        initialize::WorkerGuards,
    },
    dataflow::{
        ProbeHandle, StreamVec,
        operators::{Inspect, Probe},
    },
    execute::execute_from,
    worker::Worker,
};

use crate::common::{Changes, Counted, Input, STAGE, add, no_texts, operator};

/// How long a run may take to end; that it ends at all is what counts.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the dataflow runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On so many workers of one process.
    Workers(usize),
    /// On so many processes, all of them in this one, with as many workers each.
    Mesh(usize, usize),
}

/// What the chain has said, all in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub joined: Counted<Pair>,
    pub filtered: Counted<Pair>,
    pub dealt: Counted<Pair>,
    pub outcomes: Counted<Outcome>,
    pub wanted: Counted<(SourceIndex, PageId)>,
}

/// Changes of what was said, by epoch.
type Heard = Arc<Mutex<BTreeMap<Epoch, Said>>>;

/// The chain and its input.
#[derive(Clone, Debug)]
pub struct Job {
    /// The knobs of the three operators.
    pub knobs: [String; 3],
    pub n_wikis: usize,
    pub epochs: Vec<Changes>,
    /// Which epochs are over before the next one starts.
    pub settle: Vec<bool>,
}

/// Runs a job; returns what was said after each epoch.
pub fn run(job: &Job, place: Place) -> Vec<Said> {
    let heard = Heard::default();
    let n_epochs = job.epochs.len();
    let (job, shared) = (job.clone(), Arc::clone(&heard));
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let ended = match place {
            Place::Workers(n) => {
                let config = timely::Config::process(n);
                let work = move |worker: &mut Worker| work(worker, &job, &shared);
                vec![timely::execute(config, work).expect("workers start")]
            }
            Place::Mesh(n_processes, n_threads) => {
                let meshed = mesh(n_processes, n_threads).into_iter().map(|(builders, guard)| {
                    let (job, shared) = (job.clone(), Arc::clone(&shared));
                    let work = move |worker: &mut Worker| work(worker, &job, &shared);
                    execute_from(builders, guard, WorkerConfig::default(), work)
                        .expect("workers start")
                });
                meshed.collect()
            }
        };
        let results: Vec<_> = ended.into_iter().flat_map(WorkerGuards::join).collect();
        sender.send(results).expect("the test waits");
    });
    let results = receiver.recv_timeout(PATIENCE).expect("the dataflow comes to an end");
    results.into_iter().for_each(|result| result.expect("a worker finishes"));

    let heard = heard.lock().expect("no worker panicked");
    let mut sum = Said::default();
    let mut states = Vec::new();
    for epoch in 0..n_epochs as Epoch {
        if let Some(changes) = heard.get(&epoch) {
            sum.add(changes);
        }
        states.push(sum.clone());
    }
    states
}

impl Said {
    fn add(&mut self, changes: &Said) {
        changes.joined.iter().for_each(|(pair, n)| add(&mut self.joined, *pair, *n));
        changes.filtered.iter().for_each(|(pair, n)| add(&mut self.filtered, *pair, *n));
        changes.dealt.iter().for_each(|(pair, n)| add(&mut self.dealt, *pair, *n));
        changes.outcomes.iter().for_each(|(outcome, n)| add(&mut self.outcomes, *outcome, *n));
        changes.wanted.iter().for_each(|(page, n)| add(&mut self.wanted, *page, *n));
    }
}

/// The workers of a process, and what they need to last as long as they do.
type Process = (Vec<AllocatorBuilder>, Box<dyn Any + Send>);

/// Connects processes that are threads of this one by pairs of sockets.
fn mesh(n_processes: usize, n_threads: usize) -> Vec<Process> {
    let mut sockets: Vec<Vec<Option<UnixStream>>> = Vec::new();
    for _ in 0..n_processes {
        // Each process is connected with those before it, has no socket to itself, and waits for
        // those after it.
        let mut mine = Vec::new();
        for other in &mut sockets {
            let (here, there) = UnixStream::pair().expect("a pair of sockets");
            mine.push(Some(here));
            other.push(Some(there));
        }
        mine.push(None);
        sockets.push(mine);
    }
    let connect = |(sockets, index)| {
        let hooks = Hooks::default();
        let (refill, spill) = (hooks.refill.clone(), hooks.spill.clone());
        let local = ProcessBuilder::new_typed_vector(n_threads, refill, spill);
        let (builders, guard) =
            initialize_networking_from_sockets(local, sockets, index, n_threads, hooks)
                .expect("threads start");
        let guard: Box<dyn Any + Send> = Box::new(guard);
        (builders.into_iter().map(AllocatorBuilder::Tcp).collect(), guard)
    };
    sockets.into_iter().zip(0..).map(connect).collect()
}

/// What each worker does: it builds the dataflow and feeds its share of the rows.
fn work(worker: &mut Worker, job: &Job, heard: &Heard) {
    let probe = ProbeHandle::new();
    let mut inputs: Vec<Input> = (0..job.n_wikis).map(|_| Input::new()).collect();
    worker.dataflow::<Epoch, _, _>(|scope| {
        let gathered = Gathered::default();
        let wikis = inputs.iter_mut().zip(0..).map(|(input, source)| {
            Flow::Wiki(Wiki {
                source,
                titles: input.titles.to_collection(scope),
                links: input.links.to_collection(scope),
                redirects: input.redirects.to_collection(scope),
                disambiguations: input.disambiguations.to_collection(scope),
                articles: input.articles.to_collection(scope),
            })
        });
        let mut flows: Vec<Flow> = wikis.collect();
        let names = ["join-langlinks", "filter-pairs", "shuffle-pairs"];
        type Part = fn(&mut Said) -> &mut Counted<Pair>;
        let parts: [Part; 3] = [|it| &mut it.joined, |it| &mut it.filtered, |it| &mut it.dealt];
        for (((name, knobs), part), stage) in names.iter().zip(&job.knobs).zip(parts).zip(STAGE..) {
            let operator: Box<dyn Operator> = operator(name, knobs);
            let cx = Context::new(scope, stage, no_texts(), gathered.clone());
            let pairs = operator.build(&cx, flows).pairs();
            keep(&pairs, heard, part).probe_with(&probe);
            flows = vec![Flow::Pairs(pairs)];
        }
        keep(&gathered.wanted(scope), heard, |said| &mut said.wanted).probe_with(&probe);
        let heard = Arc::clone(heard);
        let outcomes = gathered.outcomes(scope).inspect_time(move |epoch, (outcome, n)| {
            let mut heard = heard.lock().expect("no worker panicked");
            add(&mut heard.entry(*epoch).or_default().outcomes, *outcome, *n);
        });
        outcomes.probe_with(&probe);
    });
    for (changes, epoch) in job.epochs.iter().zip(0..) {
        let mine = changes.iter().zip(0..).filter(|(_, n)| n % worker.peers() == worker.index());
        mine.for_each(|((input, row, diff), _)| inputs[*input].change(*row, *diff));
        inputs.iter_mut().for_each(|input| input.advance_to(epoch + 1));
        while job.settle[epoch as usize] && probe.less_than(&(epoch + 1)) {
            worker.step_or_park(Some(Duration::from_millis(10)));
        }
    }
}

/// Adds every change of a collection to what was said at its time.
fn keep<'s, R: Data>(
    rows: &VecCollection<'s, Epoch, R, i32>,
    heard: &Heard,
    part: impl Fn(&mut Said) -> &mut Counted<R> + 'static,
) -> StreamVec<'s, Epoch, (R, Epoch, i32)> {
    let heard = Arc::clone(heard);
    rows.inner.clone().inspect(move |(row, epoch, diff)| {
        let mut heard = heard.lock().expect("no worker panicked");
        add(part(heard.entry(*epoch).or_default()), row.clone(), i64::from(*diff));
    })
}
