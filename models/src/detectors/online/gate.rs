//! Whether a score is news.

/// How many rows back a score must be the highest.
pub(super) const ROWS: usize = 100;

/// Opens for a score above all of the last rows: one event is told once, at its onset and when it gets worse.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    last: Vec<f32>,
    next: usize,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            last: vec![0.0; ROWS],
            next: 0,
        }
    }

    /// Takes the next score and says whether it is above those of the rows before it.
    pub(super) fn opens(&mut self, score: f64) -> bool {
        let score = score.min(f64::from(f32::MAX)) as f32;
        let opens = self.last.iter().all(|before| score > *before);
        self.last[self.next] = score;
        self.next = (self.next + 1) % ROWS;
        opens
    }
}
