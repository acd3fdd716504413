//! How much memory the processes of this machine may have together.

use std::fs;

/// Where the kernel says how much a group of processes may have, in both of its forms.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// The bytes of the machine, or of the container that this is in; none where nobody says.
pub(crate) fn memory() -> Option<u64> {
    let told = fs::read_to_string("/proc/meminfo").ok();
    let limits = LIMITS.iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    told.as_deref().and_then(total).into_iter().chain(limits).min()
}

/// What `/proc/meminfo` says of all memory.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(total(text), expect, "{text}");
        check("MemTotal:        2048 kB\nMemFree:  1 kB\n", Some(2 << 20));
        check("MemFree:  1 kB\n", None);
        check("", None);
    }
}
