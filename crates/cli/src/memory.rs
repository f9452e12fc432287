//! How much memory there is to divide: the machine's, or what its container may have of it.

/// Where it cannot be found out.
const UNKNOWN: u64 = 1 << 30;

/// In bytes.
pub(crate) fn of_the_machine() -> u64 {
    installed().min(allowed().unwrap_or(u64::MAX))
}

#[cfg(target_os = "linux")]
fn installed() -> u64 {
    let system = rustix::system::sysinfo();
    system.totalram.checked_mul(u64::from(system.mem_unit)).filter(|bytes| *bytes > 0).unwrap_or(UNKNOWN)
}

#[cfg(not(target_os = "linux"))]
fn installed() -> u64 {
    UNKNOWN
}

/// The limit of the control group (cgroup v2); a container sees its own there.
fn allowed() -> Option<u64> {
    std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_some() {
        assert!(of_the_machine() > 64 << 20, "{}", of_the_machine());
    }
}
