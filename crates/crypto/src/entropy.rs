//! Sources of randomness. The caller passes the source, so tests can seed it. Production uses the generator of the
//! operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of random bytes. Its output must be suitable for keys: unpredictable and never repeated.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer.
    ///
    /// # Panics
    /// If no random bytes are available. No safe fallback exists.
    fn fill(&self, buffer: &mut [u8]);
}

/// The generator of the operating system, through aws-lc.
#[derive(Debug, Default)]
pub struct OsEntropy(SystemRandom);

impl Entropy for OsEntropy {
    #[expect(clippy::expect_used, reason = "without randomness no key, IV or token may be made")]
    fn fill(&self, buffer: &mut [u8]) {
        self.0.fill(buffer).expect("the operating system gave no random bytes");
    }
}

pub(crate) fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
