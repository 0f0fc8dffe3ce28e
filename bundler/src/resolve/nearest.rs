//! What somebody may have meant.

/// The candidate that is closest to what was written, when it is close at all.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    // One slip in a short name, more in a long one.
    let allowed = (length / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| (distance(&written.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The number of characters to insert, remove, replace or swap with their neighbour.
pub(super) fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, wanted) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, given) in to.iter().enumerate() {
            let replaced = above[column] + usize::from(wanted != given);
            let mut cost = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && from[row - 1] == *given && to[column - 1] == *wanted;
            if swapped {
                cost = cost.min(before[column - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("zod", "zod", 0),
            ("zodd", "zod", 1),
            ("ozd", "zod", 1),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn closest() {
        let names = ["zod", "openai", "@tanstack/ai", "fs", "path"];
        for (written, expected) in [
            ("zodd", Some("zod")),
            ("open-ai", Some("openai")),
            ("OpenAI", Some("openai")),
            ("@tanstak/ai", Some("@tanstack/ai")),
            ("lodash", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, names), expected, "{written}");
        }
    }
}
