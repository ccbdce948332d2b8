//! How much memory this process has had in its own at most, as Linux counts it; nothing where there is no `/proc`.

use std::fs;

/// Begins to count anew; returns what the process has now, in bytes.
pub fn reset_peak() -> Option<u64> {
    // As proc(5) has it: 5 sets the peak to what is there now.
    fs::write("/proc/self/clear_refs", "5").ok()?;
    field("VmRSS:")
}

/// The most since then.
pub fn peak() -> Option<u64> {
    field("VmHWM:")
}

fn field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
