//! What `crossic plan` says of a retrieval: how many documents, how much memory, how long.

use crate::{
    config::Plan,
    error::Result,
    report::numbers::{counted, thousands},
    retrieval::Cost,
};

/// Returns what each operator that retrieves will take, by its name.
pub(super) fn costs(plan: &Plan) -> Result<Vec<(&str, Cost)>> {
    let mut costs = Vec::new();
    for node in &plan.operators {
        let source = plan.sources.iter().find(|it| node.inputs.last() == Some(&it.name));
        let documents = source.and_then(|it| it.source.documents());
        let (Some(documents), Some(searching)) = (documents, plan.searching.get(&node.name)) else {
            continue;
        };
        costs.push((node.name.as_str(), Cost::of(searching, documents)?));
    }
    Ok(costs)
}

/// Returns the lines of one operator, each with its label.
pub(super) fn lines(cost: &Cost) -> Vec<(&'static str, String)> {
    let bytes = |n| indicatif::HumanBytes(n).to_string();
    let about = if cost.counted { "" } else { "about " };
    let searched = format!(
        "{about}{}, {}; an index of at most about {} in memory",
        counted(cost.documents, "document"),
        bytes(cost.bytes),
        bytes(cost.index_bytes)
    );
    let seconds = |it: f64| counted(it.ceil() as u64, "core second");
    let mut encodes = match (cost.encoding_core_seconds, cost.documents_per_core_second) {
        (Some(all), Some(rate)) => format!(
            "about {}, {} documents a core second",
            seconds(all),
            if rate < 10.0 { format!("{rate:.1}") } else { thousands(rate as u64) }
        ),
        _ => "on a GPU, whose time nobody has measured".to_owned(),
    };
    if 0.0 < cost.graph_core_seconds {
        encodes.push_str(&format!("; {} more for graphs", seconds(cost.graph_core_seconds)));
    }
    vec![("finds", searched), ("encode", encodes)]
}
