//! Progress on a terminal: bytes read, pairs split, with rate and remaining time.

use std::fmt::Write;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// The progress of one run; a clone shows the same.
#[derive(Clone)]
pub(super) struct Progress {
    reading: ProgressBar,
    splitting: ProgressBar,
    _bars: MultiProgress,
}

impl Progress {
    /// Shows progress on a terminal, or nowhere.
    pub(super) fn new(n_bytes: u64, shown: bool) -> Progress {
        let target = match shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bars = MultiProgress::with_draw_target(target);
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
                    // A terminal that takes no more text has nobody in front of it.
                    let _written = write!(text, "{:.0}/s", state.per_sec()).is_ok();
                })
                .progress_chars("=> ")
        };
        let reading = bars.add(ProgressBar::new(n_bytes).with_style(style(
            "  reading  [{bar:30}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {eta} left",
        )));
        let splitting = bars.add(ProgressBar::new(0).with_style(style(
            "  windows  [{bar:30}] {human_pos}/{human_len} pairs, {rate}, {eta} left",
        )));
        Progress { reading, splitting, _bars: bars }
    }

    /// Adds bytes of input that were read.
    pub(super) fn add(&self, n_bytes: u64) {
        self.reading.inc(n_bytes);
    }

    /// Adds pairs that will be split.
    pub(super) fn expect_pairs(&self, n_pairs: u64) {
        self.splitting.inc_length(n_pairs);
    }

    /// Adds pairs that are being split or copied.
    pub(super) fn add_pairs(&self, n_pairs: u64) {
        self.splitting.inc(n_pairs);
    }

    /// Clears the terminal.
    pub(super) fn finish(&self) {
        self.reading.finish_and_clear();
        self.splitting.finish_and_clear();
    }
}

/// Tells the person in front of the terminal something, on stderr.
pub(super) fn note(text: &str) {
    // A terminal that takes no more text has nobody in front of it.
    let _written =
        std::io::Write::write_all(&mut std::io::stderr(), format!("note: {text}\n").as_bytes())
            .is_ok();
}
