//! Available memory in bytes: the memory of the machine, or a lower limit of the process's control group.

use std::path::Path;

/// Used if the size of the memory cannot be determined.
const FALLBACK_BYTES: u64 = 1 << 30;

/// Returns bytes.
pub(crate) fn of_the_machine() -> u64 {
    installed().min(allowed().unwrap_or(u64::MAX))
}

#[cfg(target_os = "linux")]
fn installed() -> u64 {
    let system = rustix::system::sysinfo();
    system.totalram.checked_mul(u64::from(system.mem_unit)).filter(|bytes| *bytes > 0).unwrap_or(FALLBACK_BYTES)
}

#[cfg(not(target_os = "linux"))]
fn installed() -> u64 {
    FALLBACK_BYTES
}

/// Returns the lowest limit of the process's control group and the groups above it. A container sees its own group as
/// the root.
fn allowed() -> Option<u64> {
    let groups = Path::new("/sys/fs/cgroup");
    let of_this = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_this = of_this.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let own = groups.join(of_this);
    let limits = own.ancestors().take_while(|group| group.starts_with(groups));
    let limits = limits.flat_map(|group| ["memory.max", "memory.high"].map(|limit| group.join(limit)));
    // The last path is that of cgroup version 1.
    let limits = limits.chain([groups.join("memory/memory.limit_in_bytes")]);
    limits.filter_map(|limit| std::fs::read_to_string(limit).ok()?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_size_is_detected() {
        assert!(of_the_machine() > 64 << 20, "{}", of_the_machine());
    }
}
