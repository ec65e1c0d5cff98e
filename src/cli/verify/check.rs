//! One check: how much was looked at, and what was wrong.

use serde::Serialize;

use super::MAX_LISTED;

/// One check and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// What is checked.
    pub(super) name: &'static str,
    /// What is counted, in the singular.
    pub(super) unit: &'static str,
    /// How many of them were looked at.
    #[serde(rename = "checked")]
    pub(super) n_checked: u64,
    /// How many problems there are.
    pub(super) n_problems: u64,
    /// The first of them, each with its place.
    pub(super) problems: Vec<String>,
}

impl Check {
    /// Returns a check of which nothing is done yet.
    pub(super) fn new(name: &'static str, unit: &'static str) -> Check {
        Check { name, unit, n_checked: 0, n_problems: 0, problems: Vec::new() }
    }

    /// Returns whether nothing was wrong.
    pub(super) fn ok(&self) -> bool {
        self.n_problems == 0
    }

    /// Counts one thing that was looked at, and what is wrong with it.
    pub(super) fn see(&mut self, problem: Option<impl FnOnce() -> String>) {
        self.n_checked += 1;
        if let Some(problem) = problem {
            self.problem(problem());
        }
    }

    /// Counts one thing, which must be `expected`.
    pub(super) fn equal<T: PartialEq + std::fmt::Display>(
        &mut self,
        place: &str,
        found: T,
        expected: T,
    ) {
        let differs = found != expected;
        self.see(differs.then_some(|| format!("{place} is {found}, not {expected}")));
    }

    /// Adds a problem.
    pub(super) fn problem(&mut self, problem: String) {
        self.n_problems += 1;
        if self.problems.len() < MAX_LISTED {
            self.problems.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_counted_and_the_first_are_kept() {
        let mut check = Check::new("rows", "row");
        check.equal("row 0", 1, 1);
        assert!(check.ok());
        for n in 0..30 {
            check.equal("row 1", n, -1);
        }
        assert_eq!((check.n_checked, check.n_problems, check.problems.len()), (31, 30, MAX_LISTED));
        assert_eq!(check.problems.first().unwrap(), "row 1 is 0, not -1");
    }
}
