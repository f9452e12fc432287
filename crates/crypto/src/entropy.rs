//! Randomness is handed in, so that tests can seed it; production has one source, the operating system's generator.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of random bytes. Implementations must be fit for keys: unpredictable and never repeating.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer.
    ///
    /// # Panics
    /// If no randomness is to be had: there is nothing safe to do without it.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator, through aws-lc.
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
