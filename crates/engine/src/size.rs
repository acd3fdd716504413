//! Sizes as people write them: `20 GB`, `512MiB`. Knows nothing of what they are of.

/// The units, the largest first; `KB` is a thousand bytes, `KiB` 1024.
const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
];

/// Reads a size; none where it is none, has no unit, or has no end.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let known = UNITS.iter().find_map(|(unit, size)| {
        let at = text.len().checked_sub(unit.len())?;
        (text.is_char_boundary(at) && text[at..].eq_ignore_ascii_case(unit)).then(|| (&text[..at], *size))
    });
    let bytes = || Some((text.strip_suffix(['B', 'b'])?, 1));
    // What has no unit may be meant in any.
    let (number, size) = known.or_else(bytes).or_else(|| (text == "0").then_some((text, 1)))?;
    let number: f64 = number.trim().parse().ok()?;
    let bytes = number * size as f64;
    (number.is_finite() && (0.0..9e18).contains(&bytes)).then_some(bytes as u64)
}

/// Shows a size with three digits or so.
pub fn show(bytes: u64) -> String {
    let decimal = UNITS.iter().filter(|(unit, _)| !unit.contains('i'));
    match decimal.into_iter().find(|(_, size)| bytes >= *size) {
        None => format!("{bytes} B"),
        Some((unit, size)) => {
            let value = bytes as f64 / *size as f64;
            if value >= 100.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(parse(text), expected, "{text}");
        check("20 GB", Some(20_000_000_000));
        check("1.5gib", Some(3 << 29));
        check(" 512MiB ", Some(512 << 20));
        check("0", Some(0));
        check("7 B", Some(7));
        check("0 TB", Some(0));
        for wrong in ["", "7", "GB", "-1 GB", "1 XB", "inf", "nan GB", "1e30 TB", "1 2 GB", "é", "1\u{df}B"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn sizes_are_shown() {
        let check = |bytes, expected: &str| assert_eq!(show(bytes), expected);
        check(0, "0 B");
        check(999, "999 B");
        check(1_000, "1.0 KB");
        check(12_345_678, "12.3 MB");
        check(123_456_789_012, "123 GB");
    }
}
