//! Signing keys: common key formats are accepted, signatures verify, and invalid keys are refused.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RsaKeyPair, UnparsedPublicKey,
};
use strongroom_crypto::{Secret, SigningKey};

fn pem(label: &str, der: &[u8]) -> Secret<String> {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64")).collect();
    Secret::new(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")))
}

#[test]
fn signatures_verify_with_the_public_key() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = SigningKey::from_pem(&pem("PRIVATE KEY", rsa.as_der().unwrap().as_ref())).unwrap();
    assert_eq!(key.algorithm(), "RS256");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa.public_key().as_ref());
    public.verify(b"message", &key.sign(b"message").unwrap()).unwrap();
    assert!(public.verify(b"another", &key.sign(b"message").unwrap()).is_err());

    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let sec1: aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_> = p256.private_key().as_der().unwrap();
    for text in [pem("PRIVATE KEY", p256.to_pkcs8v1().unwrap().as_ref()), pem("EC PRIVATE KEY", sec1.as_ref())] {
        let key = SigningKey::from_pem(&text).unwrap();
        assert_eq!(key.algorithm(), "ES256");
        let signature = key.sign(b"message").unwrap();
        assert_eq!(signature.len(), 64, "two numbers side by side");
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, p256.public_key().as_ref())
            .verify(b"message", &signature)
            .unwrap();
    }
}

#[test]
fn malformed_keys_are_refused_and_not_quoted() {
    let public = pem("PUBLIC KEY", b"hush");
    let junk = pem("PRIVATE KEY", b"hush");
    let encrypted = pem("ENCRYPTED PRIVATE KEY", b"hush");
    for text in [public, junk, encrypted, Secret::from("hush"), Secret::from("-----BEGIN PRIVATE KEY-----\n!!hush")] {
        let error = SigningKey::from_pem(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"));
    }
}
