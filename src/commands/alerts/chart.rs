//! A line chart in the terminal: what was seen, over the band of what was expected.

use std::fmt::Write;

use arterial_datasets::time::Timestamp;

use crate::commands::paint::{Paint, Style};

/// One window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Its start.
    pub time: Timestamp,
    /// What was seen.
    pub seen: Option<f64>,
    /// The lowest and the highest that was expected.
    pub expected: Option<(f64, f64)>,
    /// Whether it is the strangest one, which is marked.
    pub is_strangest: bool,
}

/// How large a chart is, in characters, without its labels.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Dots of a braille character: two beside each other, four above each other.
const DOTS: (usize, usize) = (2, 4);
/// Which bit stands for which dot, by row and column of the dot (Unicode 16, chapter 21.1).
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// The character without dots.
const BRAILLE: u32 = 0x2800;
/// What is expected.
const BAND: char = '░';
/// The strangest window.
const STRANGEST: char = '▲';

/// Draws `points`, which are in order of time; nothing where no number is among them. The line of what was seen is interrupted
/// where nothing was. The strangest window has its mark on the axis.
pub fn draw(points: &[Point], size: Size, paint: Paint) -> String {
    let Some(scale) = Scale::of(points, size) else {
        return String::new();
    };
    let mut canvas = Canvas::new(size);
    for column in 0..size.width {
        canvas.shade(column, scale.band(points, column));
    }
    for pair in points.windows(2) {
        if let (Some(from), Some(to)) = (pair[0].seen, pair[1].seen) {
            canvas.line(scale.dot(pair[0].time, from), scale.dot(pair[1].time, to));
        }
    }
    for point in points {
        if let Some(seen) = point.seen {
            let dot = scale.dot(point.time, seen);
            canvas.line(dot, dot);
        }
    }
    let strangest = points.iter().find(|point| point.is_strangest);
    canvas.text(&scale, strangest.map(|point| scale.column(point.time)), paint)
}

/// From times and values to columns and rows.
struct Scale {
    size: Size,
    first: Timestamp,
    last: Timestamp,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(points: &[Point], size: Size) -> Option<Self> {
        let (first, last) = (points.first()?.time, points.last()?.time);
        let band = |point: &Point| point.expected.map(|(low, high)| [low, high]);
        let values = points
            .iter()
            .flat_map(|point| point.seen.into_iter().chain(band(point).into_iter().flatten()))
            .filter(|value| value.is_finite());
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return None;
        }
        let room = if high > low {
            (high - low) * 0.05
        } else {
            high.abs().max(1.0) * 0.05
        };
        // What never falls below zero is not shown as if it did.
        let floor = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Some(Self {
            size,
            first,
            last,
            low: floor,
            high: high + room,
        })
    }

    /// The share of the whole time that has passed at `time`.
    fn share(&self, time: Timestamp) -> f64 {
        let span = (self.last.0 - self.first.0).max(1) as f64;
        (time.0 - self.first.0) as f64 / span
    }

    /// The dot of a value, from the left and from the top.
    fn dot(&self, time: Timestamp, value: f64) -> (usize, usize) {
        let (width, height) = (self.size.width * DOTS.0, self.size.height * DOTS.1);
        let right = self.share(time) * (width - 1) as f64;
        let down = (self.high - value) / (self.high - self.low) * (height - 1) as f64;
        (
            right.round() as usize,
            down.round().clamp(0.0, (height - 1) as f64) as usize,
        )
    }

    /// The column of an instant.
    fn column(&self, time: Timestamp) -> usize {
        self.dot(time, self.high).0 / DOTS.0
    }

    /// The rows that the band takes in a column, from the top, the last one included.
    fn band(&self, points: &[Point], column: usize) -> Option<(usize, usize)> {
        let middle = (column as f64 + 0.5) / self.size.width as f64;
        let distance = |point: &&Point| (self.share(point.time) - middle).abs();
        let nearest = points
            .iter()
            .min_by(|one, other| distance(one).total_cmp(&distance(other)))?;
        let (low, high) = nearest.expected?;
        let row = |value| self.dot(nearest.time, value).1 / DOTS.1;
        Some((row(high), row(low)))
    }

    /// The value in the middle of a row.
    fn value(&self, row: usize) -> f64 {
        let share = (row as f64 + 0.5) / self.size.height as f64;
        self.high - share * (self.high - self.low)
    }
}

/// Characters: dots of the line, and the band behind it.
struct Canvas {
    size: Size,
    dots: Vec<u8>,
    band: Vec<bool>,
}

impl Canvas {
    fn new(size: Size) -> Self {
        let cells = size.width * size.height;
        Self {
            size,
            dots: vec![0; cells],
            band: vec![false; cells],
        }
    }

    fn shade(&mut self, column: usize, rows: Option<(usize, usize)>) {
        if let Some((top, bottom)) = rows {
            for row in top..=bottom {
                self.band[row * self.size.width + column] = true;
            }
        }
    }

    /// A straight line of dots, without gaps.
    fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let (right, down) = (to.0 as f64 - from.0 as f64, to.1 as f64 - from.1 as f64);
        let steps = right.abs().max(down.abs()).max(1.0);
        for step in 0..=steps as usize {
            let share = step as f64 / steps;
            let at = |start: usize, by: f64| (start as f64 + share * by).round() as usize;
            let (x, y) = (at(from.0, right), at(from.1, down));
            self.dots[y / DOTS.1 * self.size.width + x / DOTS.0] |= BITS[y % DOTS.1][x % DOTS.0];
        }
    }

    fn text(&self, scale: &Scale, strangest: Option<usize>, paint: Paint) -> String {
        let marks = [0, self.size.height / 2, self.size.height - 1];
        let label = |row: usize| {
            if marks.contains(&row) {
                number(scale.value(row), scale.high - scale.low)
            } else {
                String::new()
            }
        };
        let margin = marks.iter().map(|&row| label(row).len()).max().unwrap_or(0);
        let mut text = String::new();
        for row in 0..self.size.height {
            let cells = self.row(row, paint);
            let _ = writeln!(text, "{:>margin$} │{}", label(row), cells.trim_end());
        }
        let (left, right) = (clock(scale.first), clock(scale.last));
        let gap = self.size.width.saturating_sub(left.len() + right.len());
        let mark = |column: usize| if strangest == Some(column) { STRANGEST } else { '─' };
        let axis: String = (0..self.size.width).map(mark).collect();
        let _ = writeln!(text, "{:>margin$} └{axis}", "");
        let _ = writeln!(text, "{:>margin$}  {left}{}{right}", "", " ".repeat(gap));
        text
    }

    fn row(&self, row: usize, paint: Paint) -> String {
        let cells = row * self.size.width..(row + 1) * self.size.width;
        let cells: Vec<_> = cells.map(|at| self.cell(at)).collect();
        let run = |run: &[(Option<Style>, char)]| {
            let text: String = run.iter().map(|&(_, letter)| letter).collect();
            run[0].0.map_or(text.clone(), |style| paint.paint(style, &text))
        };
        cells.chunk_by(|one, next| one.0 == next.0).map(run).collect()
    }

    fn cell(&self, at: usize) -> (Option<Style>, char) {
        match (self.dots[at], self.band[at]) {
            (0, true) => (Some(Style::Faint), BAND),
            (0, false) => (None, ' '),
            (dots, inside) => {
                let style = if inside { Style::Good } else { Style::Alarm };
                (Some(style), char::from_u32(BRAILLE + u32::from(dots)).unwrap_or('•'))
            }
        }
    }
}

/// A value with as many decimals as its chart's height asks for.
fn number(value: f64, span: f64) -> String {
    let decimals = if span >= 20.0 {
        0
    } else if span >= 2.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

/// Hours and minutes in UTC.
fn clock(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('T')
        .map_or(text.clone(), |(_, clock)| clock.chars().take(5).collect())
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::MINUTE;

    use super::*;

    const SIZE: Size = Size { width: 12, height: 4 };

    fn points(seen: &[Option<f64>], expected: Option<(f64, f64)>) -> Vec<Point> {
        let point = |(at, &seen): (usize, &Option<f64>)| Point {
            time: Timestamp(at as i64 * 5 * MINUTE),
            seen,
            expected,
            is_strangest: false,
        };
        seen.iter().enumerate().map(point).collect()
    }

    #[test]
    fn a_fall_out_of_the_band_is_seen() {
        let seen = [50.0, 50.0, 50.0, 10.0, 10.0].map(Some);
        let chart = draw(&points(&seen, Some((45.0, 55.0))), SIZE, Paint::Plain);
        let expected = [
            "51 │⠤⠤⠤⠤⠤⠤⡄░░░░░",
            "   │░░░░░░⠘⡄░░░░",
            "26 │       ⠸⡀",
            "14 │        ⠱⠤⠤⠤",
            "   └────────────",
            "    00:00  00:20",
        ];
        assert_eq!(chart.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_lies_outside_of_the_band_is_alarming() {
        let seen = [50.0, 10.0].map(Some);
        let chart = draw(&points(&seen, Some((45.0, 55.0))), SIZE, Paint::Colours);
        assert!(chart.contains("\x1b[32m") && chart.contains("\x1b[1;31m"), "{chart}");
    }

    #[test]
    fn the_line_is_interrupted_where_nothing_was_seen() {
        let whole = draw(&points(&[Some(1.0), Some(1.0), Some(1.0)], None), SIZE, Paint::Plain);
        let broken = draw(&points(&[Some(1.0), None, Some(1.0)], None), SIZE, Paint::Plain);
        let dotted = |chart: &str| chart.chars().filter(|&letter| u32::from(letter) > BRAILLE).count();
        assert_eq!(dotted(&whole), 12);
        assert_eq!(dotted(&broken), 2);
    }

    #[test]
    fn what_has_no_number_has_no_chart() {
        assert_eq!(draw(&[], SIZE, Paint::Plain), "");
        assert_eq!(draw(&points(&[None, None], None), SIZE, Paint::Plain), "");
        assert_eq!(draw(&points(&[Some(f64::NAN)], None), SIZE, Paint::Plain), "");
    }

    #[test]
    fn the_strangest_window_is_marked_on_the_axis() {
        let mut points = points(&[50.0, 10.0, 30.0].map(Some), None);
        let axis = |points: &[Point]| {
            let chart = draw(points, SIZE, Paint::Plain);
            chart.lines().nth(SIZE.height).unwrap().to_owned()
        };
        assert!(axis(&points).ends_with("└────────────"));
        points[2].is_strangest = true;
        assert!(axis(&points).ends_with("└───────────▲"), "{}", axis(&points));
    }

    #[test]
    fn one_value_alone_is_drawn() {
        let chart = draw(&points(&[Some(0.0)], None), SIZE, Paint::Plain);
        assert!(chart.chars().any(|letter| u32::from(letter) > BRAILLE), "{chart}");
    }
}
