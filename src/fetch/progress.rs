//! Progress of downloads on a terminal: a line a file and one for all.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of all downloads.
pub(super) struct Progress {
    bars: MultiProgress,
    total: ProgressBar,
}

/// The progress of one file; it leaves the terminal when it is dropped.
pub(super) struct FileProgress<'a> {
    bar: ProgressBar,
    of: &'a Progress,
    /// Whether the bytes of this file are part of the total already.
    counted: bool,
    at: u64,
}

impl Progress {
    /// Shows progress on a terminal, or nowhere.
    pub(super) fn new(shown: bool) -> Progress {
        let target = match shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bars = MultiProgress::with_draw_target(target);
        let total = bars.add(ProgressBar::new(0).with_style(style()).with_prefix("all files"));
        Progress { bars, total }
    }

    /// Adds a file that is about to be fetched, with its bytes if they are known.
    pub(super) fn expect(&self, n_bytes: u64) {
        self.total.inc_length(n_bytes);
    }

    /// Shows a file above the line for all.
    pub(super) fn file(&self, name: &str, n_bytes: Option<u64>) -> FileProgress<'_> {
        let bar = ProgressBar::new(n_bytes.unwrap_or(0)).with_style(style());
        let bar = self.bars.insert_before(&self.total, bar.with_prefix(name.to_owned()));
        FileProgress { bar, of: self, counted: n_bytes.is_some(), at: 0 }
    }

    /// Lets something else write to the terminal.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        self.bars.suspend(write);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.total.finish_and_clear();
    }
}

impl FileProgress<'_> {
    /// Notes how long the file is.
    pub(super) fn set_length(&mut self, n_bytes: u64) {
        self.bar.set_length(n_bytes);
        if !self.counted {
            self.counted = true;
            self.of.total.inc_length(n_bytes);
        }
    }

    /// Notes how much of the file is here, which becomes less when it begins anew.
    pub(super) fn set(&mut self, n_bytes: u64) {
        match self.at < n_bytes {
            true => self.of.total.inc(n_bytes - self.at),
            false => self.of.total.dec(self.at - n_bytes),
        }
        self.at = n_bytes;
        self.bar.set_position(n_bytes);
    }

    /// Begins to measure the rate: what was there before came at no rate.
    pub(super) fn start(&self) {
        self.bar.reset_eta();
        self.of.total.reset_eta();
    }

    /// Says what is being done, other than downloading.
    pub(super) fn say(&self, what: &'static str) {
        self.bar.set_message(what);
    }
}

impl Drop for FileProgress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "  {prefix} [{bar:20}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {eta} left {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .progress_chars("=> ")
}
