//! How well a threshold tells an article's own document from others: figures by threshold.

use serde::Serialize;

/// Thresholds that are looked at: thousandths, from 0 to 1.
const STEPS: usize = 1000;

/// Rows of a table for people, about.
const ROWS: usize = 12;

/// What an article got whose English counterpart lay among the documents; scores are in millionths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Score of its own counterpart, if it was found.
    pub own: Option<i32>,
    /// Scores of counterparts of other articles.
    pub others: Vec<i32>,
    /// Scores of web documents, of which nobody knows whether they fit.
    pub web: Vec<i32>,
}

/// What a threshold gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Least mean cosine of a document, 0 to 1.
    pub threshold: f64,
    /// Share of the counterparts found that were those of the article; `None` if none was found.
    pub precision: Option<f64>,
    /// Share of the articles whose counterpart was found.
    pub recall: f64,
    /// Web documents that a hundred articles got.
    pub web_per_hundred: f64,
}

/// Figures at every threshold.
#[derive(Clone, Debug)]
pub struct Curve(Vec<Figures>);

impl Curve {
    /// Returns the figures of some articles.
    pub fn new(answered: &[Answered]) -> Curve {
        let [mut own, mut others, mut web] = [(); 3].map(|()| [0_u64; STEPS + 1]);
        let add = |counts: &mut [u64; STEPS + 1], score: i32| {
            let at = usize::try_from(score / 1000).unwrap_or_default().min(STEPS);
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
        };
        for it in answered {
            it.own.iter().for_each(|score| add(&mut own, *score));
            it.others.iter().for_each(|score| add(&mut others, *score));
            it.web.iter().for_each(|score| add(&mut web, *score));
        }
        let n_articles = answered.len().max(1) as f64;
        let mut sums = [0_u64; 3];
        let mut rows = Vec::with_capacity(STEPS + 1);
        // Whatever reaches a threshold reaches all below it.
        for (at, ((own, others), web)) in own.iter().zip(&others).zip(&web).enumerate().rev() {
            let [n_own, n_others, n_web] = &mut sums;
            (*n_own, *n_others, *n_web) = (*n_own + own, *n_others + others, *n_web + web);
            let n_planted = *n_own + *n_others;
            rows.push(Figures {
                threshold: at as f64 / STEPS as f64,
                precision: (n_planted != 0).then(|| *n_own as f64 / n_planted as f64),
                recall: *n_own as f64 / n_articles,
                web_per_hundred: 100.0 * *n_web as f64 / n_articles,
            });
        }
        rows.reverse();
        Curve(rows)
    }

    /// Returns the figures of the lowest threshold that reaches a precision, if any does.
    pub fn suggest(&self, precision: f64) -> Option<Figures> {
        self.0.iter().copied().find(|it| it.precision.is_some_and(|found| precision <= found))
    }

    /// Returns about a dozen rows, up to where the last counterpart is lost, `also` among them.
    pub fn table(&self, also: Option<Figures>) -> Vec<Figures> {
        let last = self.0.iter().rposition(|it| 0.0 < it.recall).unwrap_or_default();
        let steps = [1, 2, 5, 10, 20, 25, 50, 100];
        let step = steps.into_iter().find(|step| last <= ROWS * step).unwrap_or(100);
        let also = also.map(|it| it.threshold);
        let rows = self.0.iter().enumerate();
        rows.filter(|(at, it)| (at % step == 0 && *at <= last) || Some(it.threshold) == also)
            .map(|(_, it)| *it)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answered() -> impl Strategy<Value = Answered> {
        let score = || (0..40_i32).prop_map(|it| it * 25_000 + it % 3);
        let scores = || prop::collection::vec(score(), 0..3);
        (prop::option::of(score()), scores(), scores()).prop_map(|(own, others, web)| Answered {
            own,
            others,
            web,
        })
    }

    /// The twin: counts anew for each threshold.
    fn slow(answered: &[Answered], thousandths: i32) -> (Option<f64>, f64, f64) {
        let is_in = |score: &&i32| thousandths * 1000 <= **score;
        let (mut own, mut planted, mut web) = (0, 0, 0);
        for it in answered {
            own += it.own.iter().filter(is_in).count();
            planted += it.own.iter().chain(&it.others).filter(is_in).count();
            web += it.web.iter().filter(is_in).count();
        }
        let precision = if planted == 0 { None } else { Some(own as f64 / planted as f64) };
        let n = answered.len().max(1) as f64;
        (precision, own as f64 / n, 100.0 * web as f64 / n)
    }

    proptest! {
        #[test]
        fn figures_are_those_of_counting(all in prop::collection::vec(answered(), 0..9), wanted in 0.0..1.0_f64) {
            let curve = Curve::new(&all);
            prop_assert_eq!(curve.0.len(), 1001);
            for (row, at) in curve.0.iter().zip(0..) {
                prop_assert_eq!((row.precision, row.recall, row.web_per_hundred), slow(&all, at));
                prop_assert_eq!(row.threshold, f64::from(at) / 1000.0);
            }
            let reaches = |at: &i32| slow(&all, *at).0.is_some_and(|it| wanted <= it);
            let lowest = (0..=1000).find(reaches).map(|at| f64::from(at) / 1000.0);
            let suggested = curve.suggest(wanted);
            prop_assert_eq!(suggested.map(|it| it.threshold), lowest);
            let table = curve.table(suggested);
            prop_assert!((1..=ROWS + 2).contains(&table.len()), "{} rows", table.len());
            prop_assert!(suggested.is_none_or(|it| table.contains(&it)));
            prop_assert!(table.is_sorted_by(|a, b| a.threshold < b.threshold));
        }
    }

    #[test]
    fn the_lowest_threshold_that_reaches_a_precision_is_suggested() {
        let one =
            |own, others: &[i32]| Answered { own, others: others.to_vec(), web: vec![90_000] };
        let all =
            [one(Some(300_500), &[100_000]), one(Some(200_000), &[199_999, 50]), one(None, &[])];
        let curve = Curve::new(&all);
        let at = |precision| curve.suggest(precision).map(|it| (it.threshold, it.recall));
        assert_eq!(at(0.4), Some((0.0, 2.0 / 3.0)));
        assert_eq!(at(0.5), Some((0.001, 2.0 / 3.0)));
        assert_eq!(at(0.9), Some((0.2, 2.0 / 3.0)));
        assert_eq!(Curve::new(&[one(None, &[5])]).suggest(0.1), None);
        assert_eq!(Curve::new(&[]).suggest(0.0), None);
    }
}
