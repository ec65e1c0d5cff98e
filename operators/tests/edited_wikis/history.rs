//! The strategies behind random histories, and the seeds of a suite.

use std::{env, ops::Range};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

use super::{Body, Edit, History, Index, NewPage, To, World};

/// How large histories are.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many wikis there may be, English among them; one of these.
    pub n_wikis: &'static [usize],
    /// Pages of each wiki at first.
    pub n_pages: Range<usize>,
    /// Steps after the first state.
    pub n_steps: Range<usize>,
    /// Edits of a step.
    pub n_edits: Range<usize>,
}

/// Returns histories of a size.
pub fn histories(shape: &Shape) -> impl Strategy<Value = History> + use<> {
    let Shape { n_wikis, n_pages, n_steps, n_edits } = shape.clone();
    let n_titles = n_pages.end as u32 + 4;
    let pages = prop::collection::vec(new_page(n_titles, true), n_pages);
    let wikis = prop::sample::select(n_wikis)
        .prop_flat_map(move |n_wikis| prop::collection::vec(pages.clone(), n_wikis));
    let world = wikis.prop_map(|wikis| {
        let n_wikis = wikis.len();
        let mut world = World(vec![Default::default(); n_wikis]);
        for (pages, wiki) in wikis.iter().zip(0..) {
            for (page, title) in pages.iter().zip(0..) {
                // Pages are numbered through, so that those of two wikis meet.
                let page = NewPage { title, ..page.clone() };
                world.0[wiki].create(&page, (wiki, n_wikis));
            }
        }
        world
    });
    // Some steps change nothing, and some nothing that a reader would see.
    let cosmetic = (any::<Index>(), any::<Index>()).prop_map(Edit::Cosmetic);
    let edits = prop_oneof![
        8 => prop::collection::vec(edit(n_titles), n_edits.clone()),
        1 => prop::collection::vec(cosmetic, n_edits),
        1 => Just(Vec::new()),
    ];
    (world, prop::collection::vec(edits, n_steps))
        .prop_map(|(first, steps)| History { first, steps })
}

fn to(n_titles: u32) -> impl Strategy<Value = To> + Clone + use<> {
    prop_oneof![
        20 => (0..n_titles).prop_map(To::Title),
        1 => Just(To::Blank),
        1 => (0..n_titles).prop_map(To::Fragment),
        1 => (0..n_titles).prop_map(To::OtherNamespace),
        1 => (0..n_titles).prop_map(To::Interwiki),
    ]
}

fn body(n_titles: u32, mostly_text: bool) -> impl Strategy<Value = Body> + Clone + use<> {
    let n_texts = if mostly_text { 24 } else { 4 };
    prop_oneof![
        n_texts => text().prop_map(Body::Text),
        1 => Just(Body::Empty),
        1 => Just(Body::Disambiguation),
        1 => Just(Body::Module),
        4 => to(n_titles).prop_map(|to| Body::Redirect(Some(to))),
        1 => Just(Body::Redirect(None)),
    ]
}

fn text() -> impl Strategy<Value = u32> + Clone {
    0_u32..40
}

fn new_page(n_titles: u32, mostly_text: bool) -> impl Strategy<Value = NewPage> + Clone + use<> {
    let link = (any::<Index>(), to(n_titles), 0_u8..4);
    let links = prop::collection::vec(link, 0..3);
    let flags = (prop::bool::weighted(0.06), prop::bool::weighted(0.6));
    (0..n_titles, body(n_titles, mostly_text), flags, links).prop_map(
        |(title, body, (disambiguation, linked), links)| NewPage {
            title,
            body,
            disambiguation,
            linked,
            links,
        },
    )
}

fn edit(n_titles: u32) -> impl Strategy<Value = Edit> + Clone + use<> {
    let index = any::<Index>;
    let pick = || (index(), index());
    let to = || to(n_titles);
    let title = move || 0..n_titles;
    let redirect = prop_oneof![5 => to().prop_map(Some), 1 => Just(None)];
    // Tuples of strategies go up to a dozen, and so do the arms of a choice.
    let of_text = prop_oneof![
        4 => (pick(), text()).prop_map(|(pick, text)| Edit::Text(pick, text)),
        4 => pick().prop_map(Edit::Cosmetic),
        4 => (pick(), body(n_titles, false)).prop_map(|(pick, body)| Edit::Body(pick, body)),
        2 => pick().prop_map(Edit::Disambiguation),
    ];
    let of_links = prop_oneof![
        3 => (pick(), index(), to(), 0_u8..4)
            .prop_map(|(pick, wiki, to, spelling)| Edit::AddLink(pick, wiki, to, spelling)),
        2 => (pick(), index()).prop_map(|(pick, which)| Edit::RemoveLink(pick, which)),
        3 => (pick(), index(), to())
            .prop_map(|(pick, which, to)| Edit::RetargetLink(pick, which, to)),
        2 => (pick(), index(), 0_u8..4)
            .prop_map(|(pick, which, spelling)| Edit::RepeatLink(pick, which, spelling)),
    ];
    let of_titles = prop_oneof![
        4 => (pick(), title(), any::<bool>())
            .prop_map(|(pick, title, leave)| Edit::Rename(pick, title, leave)),
        2 => (pick(), redirect).prop_map(|(pick, to)| Edit::RetargetRedirect(pick, to)),
        2 => pick().prop_map(Edit::Lengthen),
        1 => pick().prop_map(Edit::Loop),
        1 => (pick(), index()).prop_map(|(pick, with)| Edit::Clash(pick, with)),
    ];
    let of_pages = prop_oneof![
        3 => pick().prop_map(Edit::Delete),
        3 => pick().prop_map(Edit::Undelete),
        3 => (index(), new_page(n_titles, true)).prop_map(|(wiki, page)| Edit::New(wiki, page)),
        2 => pick().prop_map(Edit::Namespace),
    ];
    prop_oneof![4 => of_text, 3 => of_links, 3 => of_titles, 3 => of_pages]
}

/// Runs `check` on one value for each of `n` seeds, or `CROSSIC_SEQUENCES`; a failure names its
/// seed and the smallest value that still fails. `CROSSIC_SEED` sets the first seed.
pub fn seeds<S: Strategy>(
    n: u64,
    strategy: impl Fn() -> S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let number = |name: &str| env::var(name).ok().map(|it| it.parse().expect("a number"));
    let asked = number("CROSSIC_SEQUENCES");
    let first = number("CROSSIC_SEED").unwrap_or_else(|| {
        let random = any::<u64>().new_tree(&mut TestRunner::default()).expect("a number");
        random.current() >> 16
    });
    if asked.is_some() {
        eprintln!("{} sequences from CROSSIC_SEED={first}", asked.unwrap_or(n));
    }
    for seed in (0..asked.unwrap_or(n)).map(|number| first.wrapping_add(number)) {
        let config = Config {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: 2000,
            max_shrink_time: 20_000,
            ..Config::default()
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        match TestRunner::new_with_rng(config, rng).run(&strategy(), &check) {
            Ok(()) => {}
            Err(TestError::Fail(reason, value)) => panic!(
                "run again with CROSSIC_SEED={seed} CROSSIC_SEQUENCES=1\n{value:?}\n{reason}"
            ),
            Err(TestError::Abort(reason)) => panic!("CROSSIC_SEED={seed}: {reason}"),
        }
    }
}
