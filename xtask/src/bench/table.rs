//! The table, and the statistics that go into it.

use std::time::Duration;

pub struct Row {
    pub figure: String,
    pub measured: String,
    /// What the machine does without us, in the same run.
    pub limit: String,
    pub ratio: String,
    pub target: String,
    pub met: bool,
}

impl Row {
    /// A rate: more is better.
    pub fn rate(figure: impl Into<String>, measured: f64, limit: (f64, &str), target: f64) -> Row {
        Row {
            figure: figure.into(),
            measured: format!("{}/s", grouped(measured)),
            limit: format!("{}/s {}", grouped(limit.0), limit.1),
            ratio: format!("{:.2}", measured / limit.0),
            target: format!("≥ {}/s", grouped(target)),
            met: measured >= target,
        }
    }

    /// A time: less is better.
    pub fn time(
        figure: impl Into<String>,
        measured: Duration,
        limit: (Duration, &str),
        target: Option<Duration>,
    ) -> Row {
        Row {
            figure: figure.into(),
            measured: millis(measured),
            limit: format!("{} {}", millis(limit.0), limit.1),
            ratio: format!("{:.2}", measured.as_secs_f64() / limit.0.as_secs_f64()),
            target: target.map_or("-".into(), |target| format!("≤ {}", millis(target))),
            met: target.is_none_or(|target| measured <= target),
        }
    }
}

pub fn print(rows: &[Row]) {
    let titles = ["figure", "measured", "this machine's limit", "ratio", "target", ""];
    let mut lines = vec![titles.map(str::to_string)];
    lines.extend(rows.iter().map(|row| {
        let met = if row.met { "met" } else { "NOT MET" };
        [&row.figure, &row.measured, &row.limit, &row.ratio, &row.target, met].map(|cell| cell.to_string())
    }));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    println!();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        println!("| {} |", cells.join(" | "));
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            println!("| {} |", rules.join(" | "));
        }
    }
}

pub fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}

/// 1234567 as `1 234 567`.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The value below which `share` (0 to 1) of all values lie.
pub fn percentile(values: &[Duration], share: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort();
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

pub fn median(values: &[Duration]) -> Duration {
    percentile(values, 0.5)
}

pub fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            [grouped(0.0), grouped(999.0), grouped(25_000.4), grouped(1_234_567.0)],
            ["0", "999", "25 000", "1 234 567"]
        );
        let times: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        assert_eq!(median(&times), Duration::from_millis(51));
        assert_eq!(percentile(&times, 0.99), Duration::from_millis(100));
        assert_eq!(median_of(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
