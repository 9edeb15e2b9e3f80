//! Line charts as inline SVG. Colours are classes of the page's style, so that charts follow its light and dark scheme.

use std::fmt::Write;

const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 42.0;
/// Colours of the page's style.
const COLOURS: usize = 8;

/// A line; NaN leaves a gap.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub name: String,
    /// Which model it is: the same one has the same colour in every chart.
    pub colour: usize,
    pub points: Vec<(f64, f64)>,
    /// Whether each point has a dot that tells its value.
    pub dots: bool,
    /// What happened, rather than a model.
    pub ink: bool,
}

/// An area between two lines.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub colour: usize,
    /// x, lower end, upper end.
    pub points: Vec<(f64, f64, f64)>,
}

/// A chart with two axes.
#[derive(Debug, Clone, Default)]
pub(super) struct Chart {
    pub width: f64,
    pub height: f64,
    pub label: String,
    pub x_title: String,
    pub y_title: String,
    /// Places and names on the x axis.
    pub x_ticks: Vec<(f64, String)>,
    pub x_range: (f64, f64),
    /// The y axis, where it is not that of the data.
    pub y_range: Option<(f64, f64)>,
    /// Whether the y axis begins at zero.
    pub from_zero: bool,
    /// A thin line from corner to corner: what would be perfect.
    pub diagonal: bool,
    pub bands: Vec<Band>,
    pub lines: Vec<Line>,
}

impl Chart {
    /// The chart as an SVG element.
    pub(super) fn render(&self) -> String {
        let (low, high) = self.y_limits();
        let ticks = nice_ticks(low, high, 5);
        let (low, high) = match (self.y_range, ticks.first(), ticks.last()) {
            (None, Some(first), Some(last)) => (low.min(*first), high.max(*last)),
            _ => (low, high),
        };
        let scale = Scale {
            x: self.x_range,
            y: (low, high),
            width: self.width,
            height: self.height,
        };
        let mut svg = format!(
            "<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{}\">",
            self.width,
            self.height,
            escape(&self.label)
        );
        self.axes(&mut svg, &scale, &ticks);
        for band in &self.bands {
            svg.push_str(&area(band, &scale));
        }
        if self.diagonal {
            let _ = write!(
                svg,
                "<line class=\"ideal\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
                scale.x(self.x_range.0),
                scale.y(low),
                scale.x(self.x_range.1),
                scale.y(high)
            );
        }
        for line in &self.lines {
            draw(&mut svg, line, &scale);
        }
        svg.push_str("</svg>");
        svg
    }

    fn y_limits(&self) -> (f64, f64) {
        if let Some(range) = self.y_range {
            return range;
        }
        let lines = self.lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y));
        let bands = self
            .bands
            .iter()
            .flat_map(|band| band.points.iter().flat_map(|(_, low, high)| [*low, *high]));
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in lines.chain(bands).filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if !low.is_finite() {
            return (0.0, 1.0);
        }
        if self.from_zero {
            low = low.min(0.0);
        }
        if high - low < 1e-12 {
            (low - 0.5, high + 0.5)
        } else {
            (low, high)
        }
    }

    fn axes(&self, svg: &mut String, scale: &Scale, ticks: &[f64]) {
        let (right, bottom) = (self.width - RIGHT, self.height - BOTTOM);
        for tick in ticks {
            let y = scale.y(*tick);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"
            );
            let _ = write!(
                svg,
                "<text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                tick_name(*tick)
            );
        }
        let _ = write!(
            svg,
            "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\"/>"
        );
        for (place, name) in &self.x_ticks {
            let x = scale.x(*place);
            let _ = write!(
                svg,
                "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\"/>",
                bottom + 4.0
            );
            let _ = write!(
                svg,
                "<text class=\"tick middle\" x=\"{x:.1}\" y=\"{}\">{}</text>",
                bottom + 17.0,
                escape(name)
            );
        }
        let middle = f64::midpoint(LEFT, right);
        let _ = write!(
            svg,
            "<text class=\"name middle\" x=\"{middle:.1}\" y=\"{}\">{}</text>",
            self.height - 6.0,
            escape(&self.x_title)
        );
        let up = f64::midpoint(TOP, bottom);
        let _ = write!(
            svg,
            "<text class=\"name middle\" transform=\"translate(12 {up:.1}) rotate(-90)\">{}</text>",
            escape(&self.y_title)
        );
    }
}

struct Scale {
    x: (f64, f64),
    y: (f64, f64),
    width: f64,
    height: f64,
}

impl Scale {
    fn x(&self, value: f64) -> f64 {
        let share = (value - self.x.0) / (self.x.1 - self.x.0).max(f64::MIN_POSITIVE);
        LEFT + share * (self.width - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.y.0) / (self.y.1 - self.y.0).max(f64::MIN_POSITIVE);
        self.height - BOTTOM - share * (self.height - TOP - BOTTOM)
    }
}

/// The class of a model's colour.
pub(super) fn colour(place: usize) -> String {
    format!("c{}{}", place % COLOURS, if place >= COLOURS { " dashed" } else { "" })
}

fn draw(svg: &mut String, line: &Line, scale: &Scale) {
    let class = if line.ink {
        "ink".to_owned()
    } else {
        colour(line.colour)
    };
    let mut path = String::new();
    let mut pen_down = false;
    for &(x, y) in &line.points {
        if y.is_finite() {
            let _ = write!(
                path,
                "{}{:.1} {:.1}",
                if pen_down { 'L' } else { 'M' },
                scale.x(x),
                scale.y(y)
            );
        }
        pen_down = y.is_finite();
    }
    let _ = write!(
        svg,
        "<path class=\"line {class}\" d=\"{path}\"><title>{}</title></path>",
        escape(&line.name)
    );
    if line.dots {
        for &(x, y) in line.points.iter().filter(|(_, y)| y.is_finite()) {
            let _ = write!(
                svg,
                "<circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{}: {}</title></circle>",
                scale.x(x),
                scale.y(y),
                escape(&line.name),
                value_name(y)
            );
        }
    }
}

/// One closed path for each stretch without a gap.
fn area(band: &Band, scale: &Scale) -> String {
    let mut path = String::new();
    for stretch in band
        .points
        .split(|(_, low, high)| !(low.is_finite() && high.is_finite()))
    {
        let there = stretch.iter().map(|&(x, _, high)| (x, high));
        let back = stretch.iter().rev().map(|&(x, low, _)| (x, low));
        for (place, (x, y)) in there.chain(back).enumerate() {
            let _ = write!(
                path,
                "{}{:.1} {:.1}",
                if place == 0 { 'M' } else { 'L' },
                scale.x(x),
                scale.y(y)
            );
        }
        if !stretch.is_empty() {
            path.push('Z');
        }
    }
    format!("<path class=\"band {}\" d=\"{path}\"/>", colour(band.colour))
}

/// Round numbers that span `low` to `high` in about `count` steps.
pub(super) fn nice_ticks(low: f64, high: f64, count: u32) -> Vec<f64> {
    let rough = (high - low) / f64::from(count.max(1));
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let (first, last) = ((low / step + 1e-9).floor() as i64, (high / step - 1e-9).ceil() as i64);
    (first..=last).map(|place| place as f64 * step).collect()
}

fn tick_name(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// A number for people, with three or four digits that matter.
fn value_name(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// Text that cannot become markup.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_span_the_data() {
        assert_eq!(nice_ticks(0.0, 9.3, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(
            nice_ticks(3.1, 3.4, 5),
            [3.1, 3.2, 3.3000000000000003, 3.4000000000000004]
        );
        assert_eq!(nice_ticks(5.0, 5.0, 5), [5.0]);
    }

    #[test]
    fn a_gap_lifts_the_pen() {
        let points = vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 2.0), (3.0, 1.0)];
        let line = Line {
            name: "a<b".into(),
            colour: 0,
            points,
            dots: true,
            ink: false,
        };
        let chart = Chart {
            width: 300.0,
            height: 200.0,
            x_range: (0.0, 3.0),
            lines: vec![line],
            ..Chart::default()
        };
        let svg = chart.render();
        assert_eq!(svg.matches("<circle").count(), 3);
        let path = svg
            .split("class=\"line")
            .nth(1)
            .unwrap()
            .split("d=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(svg.contains("a&lt;b") && !svg.contains("NaN"));
    }

    #[test]
    fn names_of_series_cannot_become_markup() {
        assert_eq!(escape("<script>\"&"), "&lt;script&gt;&quot;&amp;");
    }
}
