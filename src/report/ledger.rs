//! The ledger: everything that comes in goes out or is rejected, or the run fails.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One account: what came in and where it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The component.
    pub stage: String,
    /// What is counted: `pages`, `links (th)`, `tokens (en)`, …
    pub what: String,
    /// How many came in.
    #[serde(rename = "in")]
    pub incoming: u64,
    /// Where they went, by name; reasons of rejects among them.
    pub out: BTreeMap<String, u64>,
}

impl Line {
    /// Returns an account; destinations that got nothing are left out.
    pub fn new<'a>(
        stage: &str,
        what: impl Into<String>,
        incoming: u64,
        out: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Line {
        let mut sums = BTreeMap::new();
        for (name, n) in out {
            if n != 0 {
                *sums.entry(name.to_owned()).or_insert(0) += n;
            }
        }
        Line { stage: stage.to_owned(), what: what.into(), incoming, out: sums }
    }

    /// Returns whether all that came in went somewhere.
    pub fn balances(&self) -> bool {
        self.out.values().sum::<u64>() == self.incoming
    }
}

/// Returns the lines that do not balance, as text.
pub fn imbalances(ledger: &[Line]) -> Option<String> {
    let off: Vec<String> = ledger
        .iter()
        .filter(|line| !line.balances())
        .map(|line| {
            let out: u64 = line.out.values().sum();
            format!("{}: {} {} in, {out} out", line.stage, line.incoming, line.what)
        })
        .collect();
    (!off.is_empty()).then(|| off.join("; "))
}
